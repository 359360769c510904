{application
