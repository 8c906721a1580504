-- cut -f LIST [-d SEPARATOR] [FILE...], cut -c LIST [FILE...]: writes these fields, or characters, of each line; LIST is like
-- 1,3-5,7-
local text = dofile("/lib/text.lua")
local usage = "-f LIST [-d SEPARATOR] | -c LIST [FILE...]"
local options, files = text.options("f:c:d:", usage)
local list = options.f or options.c or text.fail("usage: cut " .. usage, 2)
local separator = options.d or "\t"
local ranges = {}
for part in list:gmatch("[^,]+") do
  local first, dash, last = part:match("^(%d*)(%-?)(%d*)$")
  if not first or (first == "" and last == "") then text.fail(part .. " is not a number or range", 2) end
  first = tonumber(first) or 1
  ranges[#ranges + 1] = {first, dash == "" and first or tonumber(last) or math.huge}
end

local function is_wanted(i)
  for _, range in ipairs(ranges) do
    if i >= range[1] and i <= range[2] then return true end
  end
  return false
end

-- The pieces between the separators.
local function pieces(line)
  local all, at = {}, 1
  while true do
    local first, last = line:find(separator, at, true)
    all[#all + 1] = line:sub(at, (first or 0) - 1)
    if not first then return all end
    at = last + 1
  end
end

text.each_line(files, function(line)
  local kept = {}
  if options.f then
    for i, piece in ipairs(pieces(line)) do
      if is_wanted(i) then kept[#kept + 1] = piece end
    end
  else
    for i = 1, #line do
      if is_wanted(i) then kept[#kept + 1] = line:sub(i, i) end
    end
  end
  text.put(table.concat(kept, options.f and separator or "") .. "\n")
end)
text.leave()
