-- touch [-c] [-d SECONDS] [-r FILE] FILE...: sets the time of files to the present, to so many seconds since 1970, or to that
-- of another file; -c makes no new files.
local text = dofile("/lib/text.lua")
local options, names = text.options("cd:r:", "[-c] [-d SECONDS] [-r FILE] FILE...")
if #names == 0 then text.fail("which file?", 2) end
local time
if options.d then time = text.count((options.d:gsub("^@", ""))) end
if options.r then
  local other, why = stat(options.r)
  time = other and other.modified or text.fail(options.r .. ": " .. tostring(why))
end
for _, path in ipairs(names) do
  local done, why = true, nil
  if not stat(path) and not options.c then
    done, why = open(path, "a")
    if done then close(done) end
  end
  if done and stat(path) then done, why = utime(path, time) end
  if not done then text.warn(path .. ": " .. why) end
end
text.leave()
