package semaphore_test

const sysSeccomp = 317
