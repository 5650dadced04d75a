module github.com/semaphore-rs/semaphore/go

go 1.24
