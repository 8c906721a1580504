-- printf FORMAT [WORD...]: writes the words by the format, with %s %d %x %o %c %b %f %% and \n \t, which is used again until
-- no word is left.
local text = dofile("/lib/text.lua")
local format = arg[1] or text.fail("which format?", 2)
local next_word = 2

local function plain(part)
  return (part:gsub("\\(.)", function(c) return ({n = "\n", t = "\t", ["\\"] = "\\", ['"'] = '"'})[c] or "\\" .. c end))
end

local function formed(flags, kind)
  if kind == "%" then return "%" end
  local word = arg[next_word]
  next_word = next_word + 1
  if kind == "b" then return plain(word or "") end
  if kind == "s" then return string.format("%" .. flags .. "s", word or "") end
  if kind == "c" then return (word or ""):sub(1, 1) end
  local number = tonumber(word or "0")
  if not number then
    text.warn(word .. " is not a number")
    number = 0
  end
  if kind == "d" or kind == "i" or kind == "x" or kind == "X" or kind == "o" then number = math.floor(number) end
  return string.format("%" .. flags .. (kind == "i" and "d" or kind), number)
end

repeat
  local before, at = next_word, 1
  while at <= #format do
    local first = format:find("%", at, true)
    text.put(plain(format:sub(at, (first or 0) - 1)))
    if not first then break end
    local flags, kind = format:sub(first + 1, first + 12):match("^([%-+ 0#]*%d*%.?%d*)([sdixXocbfeg%%])")
    if not flags then text.fail(format:sub(first) .. " is not a valid format", 2) end
    text.put(formed(flags, kind))
    at = first + 1 + #flags + #kind
  end
until next_word > #arg or next_word == before
text.leave()
