module example.com/server-version

go 1.19
