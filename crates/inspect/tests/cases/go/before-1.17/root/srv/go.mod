module example.com/shop

go 1.16

require (
	github.com/gin-gonic/gin v1.7.0
)
