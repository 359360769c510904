package = "LuaSocket"
version = "3.0rc1-2"
source = { url = "git://github.com/diegonehab/luasocket.git", tag = "v3.0-rc1" }
description = {
   summary = "Network support for the Lua language",
   license = "MIT"
}
dependencies = { "lua >= 5.1" }
