module x
go 1.12
require example.com/a
require (
	example.com/b v1.0.0
