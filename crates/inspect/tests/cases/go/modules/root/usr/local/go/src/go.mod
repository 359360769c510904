module std

go 1.26

require golang.org/x/crypto v0.44.1-0.20251106144446-4d1e4e7f1d11
