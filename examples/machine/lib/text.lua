-- Shared by the programs that read and write text:   local text = dofile("/lib/text.lua")
local text = {}
local name = arg[0]:match("([^/]+)$"):gsub("%.lua$", "")
local status, output, size = 0, {}, 0

-- Writes what was put until now.
function text.flush()
  if size == 0 then return end
  write(1, table.concat(output))
  output, size = {}, 0
end

-- Puts a part into the output, which is written in large pieces.
function text.put(part)
  output[#output + 1] = part
  size = size + #part
  if size >= 16384 then text.flush() end
end

-- Says what is wrong and goes on; the program will end with status 1.
function text.warn(what)
  text.flush()
  write(2, name .. ": " .. what .. "\n")
  status = 1
end

function text.fail(what, with)
  text.warn(what)
  exit(with or 1)
end

function text.leave(with)
  text.flush()
  exit(with or status)
end

-- The options among the arguments, and the other words: text.options("cn:", "[-c] [-n N] FILE...") gives {c = true, n = "5"},
-- {"file"}.
function text.options(letters, usage)
  local options, rest, i = {}, {}, 1
  local function wrong(what) text.fail(what .. "; usage: " .. name .. " " .. usage, 2) end
  while arg[i] do
    local word = arg[i]
    if word == "--help" then
      text.put("usage: " .. name .. " " .. usage .. "\n")
      text.leave(0)
    elseif word == "--" then
      table.move(arg, i + 1, #arg, #rest + 1, rest)
      break
    elseif word:match("^%-%d+$") and letters:find("n:", 1, true) then
      options.n = word:sub(2)
    elseif #word < 2 or word:sub(1, 1) ~= "-" then
      rest[#rest + 1] = word
    else
      local at = 2
      while at <= #word do
        local letter = word:sub(at, at)
        local place = letters:find(letter, 1, true)
        if not place or not letter:match("%a") then wrong("-" .. letter .. " is not an option") end
        if letters:sub(place + 1, place + 1) ~= ":" then
          options[letter] = true
        else
          options[letter] = word:sub(at + 1)
          if options[letter] == "" then
            i = i + 1
            options[letter] = arg[i] or wrong("-" .. letter .. " lacks a value")
          end
          break
        end
        at = at + 1
      end
    end
    i = i + 1
  end
  return options, rest
end

-- The value as a number of 0 or more; `otherwise` if it is not given.
function text.count(value, otherwise)
  if value == nil then return otherwise end
  local number = math.tointeger(tonumber(value))
  if not number or number < 0 then text.fail(value .. " is not a number of 0 or more", 2) end
  return number
end

-- Calls use(descriptor, name) for each file; for the input if there is none, or if its name is "-".
function text.each_file(names, use)
  if #names == 0 then names = {"-"} end
  for _, path in ipairs(names) do
    local fd, why = 0, nil
    if path ~= "-" then fd, why = open(path) end
    if fd then
      use(fd, path)
      if fd ~= 0 then close(fd) end
    else
      text.warn(path .. ": " .. why)
    end
  end
end

-- for line in text.lines(fd): the lines, without their ends.
function text.lines(fd)
  local rest, at, over = "", 1, false
  return function()
    while true do
      local last = rest:find("\n", at, true)
      if last then
        local line = rest:sub(at, last - 1)
        at = last + 1
        return line
      end
      if over then
        local line = rest:sub(at)
        rest, at = "", 1
        return line ~= "" and line or nil
      end
      local more = read(fd, 65536)
      over = not more or more == ""
      rest, at = rest:sub(at) .. (more or ""), 1
    end
  end
end

function text.each_line(names, use)
  text.each_file(names, function(fd, path)
    for line in text.lines(fd) do use(line, path) end
  end)
end

-- The last name of the path.
function text.last(path) return path:gsub("/+$", ""):match("[^/]*$") end

-- Where the file would go: into the target, if that is a directory.
function text.into(source, target)
  local found = stat(target)
  if found and found.directory then return (target .. "/" .. text.last(source)):gsub("//+", "/") end
  return target
end

-- The path of the program with this name, in a folder of PATH.
function text.program(called)
  local folders = called:find("/", 1, true) and "" or env.PATH or "/bin"
  for folder in (folders .. ":"):gmatch("([^:]*):") do
    for _, ending in ipairs {"", ".lua"} do
      local path = (folder == "" and "" or folder .. "/") .. called .. ending
      local found = stat(path)
      if found and not found.directory then return path end
    end
  end
  text.fail(called .. ": there is no such program", 127)
end

return text
