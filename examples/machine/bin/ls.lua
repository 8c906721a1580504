-- ls [-al] [FILE...]: lists directories and files; -a shows hidden names, too, -l all that is known of each.
local text = dofile("/lib/text.lua")
local options, names = text.options("al", "[-al] [FILE...]")
if #names == 0 then names = {"."} end

local function permissions(mode)
  local out = {(mode & 0xF000) == 0x4000 and "d" or (mode & 0xF000) == 0xA000 and "l" or "-"}
  for shift = 6, 0, -3 do
    local bits = mode >> shift
    out[#out + 1] = (bits & 4 ~= 0 and "r" or "-") .. (bits & 2 ~= 0 and "w" or "-") .. (bits & 1 ~= 0 and "x" or "-")
  end
  return table.concat(out)
end

-- The seconds since 1970 as a date and a time of day.
local function date(seconds)
  local days, rest = seconds // 86400, seconds % 86400
  local z = days + 719468
  local era = z // 146097
  local day_of_era = z - era * 146097
  local year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
  local day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
  local month_index = (5 * day_of_year + 2) // 153
  local month = month_index < 10 and month_index + 3 or month_index - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  local day = day_of_year - (153 * month_index + 2) // 5 + 1
  return string.format("%04d-%02d-%02d %02d:%02d", year, month, day, rest // 3600, rest % 3600 // 60)
end

local function show(rows)
  local widest = 1
  for _, row in ipairs(rows) do widest = math.max(widest, #tostring(row[2].size)) end
  for _, row in ipairs(rows) do
    local name, file = row[1], row[2]
    if not options.l then
      text.put(name .. "\n")
    else
      text.put(string.format("%s %3d %5d %5d %" .. widest .. "d %s %s\n", permissions(file.mode), file.links,
                             file.uid, file.gid, file.size, date(file.modified),
                             file.link and name .. " -> " .. (readlink(row[3]) or "?") or name))
    end
  end
end

local files, directories = {}, {}
for _, name in ipairs(names) do
  local found, why = (options.l and lstat or stat)(name)
  if not found then found, why = lstat(name) end
  if not found then
    text.warn(name .. ": " .. why)
  elseif found.directory then
    directories[#directories + 1] = name
  else
    files[#files + 1] = {name, found, name}
  end
end
show(files)
for i, directory in ipairs(directories) do
  local rows = {}
  local inside, why = list(directory)
  if not inside then text.warn(directory .. ": " .. why) end
  for _, name in ipairs(inside or {}) do
    local path = directory .. "/" .. name
    local found = (options.a or name:sub(1, 1) ~= ".") and lstat(path)
    if found then rows[#rows + 1] = {name, found, path} end
  end
  if #names > 1 then text.put((i + #files > 1 and "\n" or "") .. directory .. ":\n") end
  show(rows)
end
text.leave()
