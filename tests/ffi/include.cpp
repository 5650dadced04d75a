// The header from C++: linkage, constants and structures.

#include <semaphore_ffi.h>
#include <semaphore_ffi.h>

#include <cstdint>
#include <type_traits>

static_assert(std::is_standard_layout_v<semaphore_err> && std::is_trivial_v<semaphore_buf>);
static_assert(SEMAPHORE_E_PANIC == -99 && SEMAPHORE_FRAME_HEAD % SEMAPHORE_FRAME_ALIGN == 0);
static_assert(std::is_same_v<semaphore_handle, std::uint64_t>);

int main() {
    semaphore_handle runtime = 0;
    semaphore_err error{};
    error.size = sizeof error;
    if (semaphore_rt_open(nullptr, 0, &runtime, &error) != SEMAPHORE_OK) return 1;
    return semaphore_handle_close(runtime) == SEMAPHORE_OK ? 0 : 1;
}
