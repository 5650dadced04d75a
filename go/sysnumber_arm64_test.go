package semaphore_test

const sysSeccomp = 277
