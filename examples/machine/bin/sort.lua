-- sort [-nru] [-k N] [FILE...]: sorts the lines; -n by their numbers, -r backwards, -u keeps one of equal lines, -k sorts by
-- the Nth word.
local text = dofile("/lib/text.lua")
local options, files = text.options("nruk:", "[-nru] [-k N] [FILE...]")
local column = text.count(options.k, 0)
local all = {}

local function key(line)
  local part = line
  if column > 0 then
    local words = {}
    for word in line:gmatch("%S+") do words[#words + 1] = word end
    part = words[column] or ""
  end
  return options.n and (tonumber(part:match("%S+") or "") or 0) or part
end

text.each_line(files, function(line) all[#all + 1] = {key(line), line} end)
table.sort(all, function(a, b)
  if options.r then a, b = b, a end
  if a[1] ~= b[1] then return a[1] < b[1] end
  return a[2] < b[2]
end)
local last
for _, one in ipairs(all) do
  if not options.u or one[1] ~= last then text.put(one[2] .. "\n") end
  last = one[1]
end
text.leave()
