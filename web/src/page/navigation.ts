import { ref } from 'vue'

/** Whether the navigation drawer is open on screens that are too narrow to show it always. */
export const navigationOpen = ref(false)
