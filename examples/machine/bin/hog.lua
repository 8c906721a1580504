-- A CPU hog: computes for as many ms as its argument says (for ever without one), and never waits.
local left = tonumber(arg[1]) or math.huge
while left > 0 do
  local span = left < 10 and left or 10
  compute(span)
  left = left - span
end
