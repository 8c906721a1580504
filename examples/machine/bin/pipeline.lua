-- Three processes in a row: the first writes numbers, the second keeps the odd ones, the third adds them up.
local r1, w1 = pipe()
local r2, w2 = pipe()

fork(function()
  close(r1) close(r2) close(w2)
  for i = 1, 200 do
    compute(0.5)
    write(w1, i .. "\n")
  end
end)

fork(function()
  close(w1) close(r2)
  local rest = ""
  while true do
    local text = read(r1, 4096)
    if text == "" then break end
    rest = rest .. text
    for line in rest:gmatch("(%d+)\n") do
      if tonumber(line) % 2 == 1 then write(w2, line .. "\n") end
    end
    rest = rest:match("[^\n]*$")
    compute(1)
  end
end)

close(r1) close(w1) close(w2)
local sum, rest = 0, ""
while true do
  local text = read(r2, 4096)
  if text == "" then break end
  rest = rest .. text
  for line in rest:gmatch("(%d+)\n") do sum = sum + tonumber(line) end
  rest = rest:match("[^\n]*$")
end
while wait() do end
print("the odd numbers up to 200 make " .. sum)
