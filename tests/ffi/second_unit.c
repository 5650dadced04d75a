/* A second unit of the same program: the header defines nothing that could clash. */

#include <semaphore_ffi.h>

uint32_t version_of_second_unit(void);

uint32_t version_of_second_unit(void) { return semaphore_abi_version(); }
