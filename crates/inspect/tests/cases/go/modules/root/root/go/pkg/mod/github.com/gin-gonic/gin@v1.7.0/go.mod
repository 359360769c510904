module github.com/gin-gonic/gin

go 1.13

require github.com/stretchr/testify v1.4.0
