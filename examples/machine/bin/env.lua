-- env: writes the environment.
local text = dofile("/lib/text.lua")
for name, value in pairs(env) do text.put(name .. "=" .. value .. "\n") end
text.leave()
