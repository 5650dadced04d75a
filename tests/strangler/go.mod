module example.org/strangler-tests

go 1.24.6
