local n = 1000000
local t = os.clock()
for round = 1, 3 do
  local composite = {}
  for i = 0, n do composite[i] = false end
  local i = 2
  while i * i <= n do
    if not composite[i] then for k = i * i, n, i do composite[k] = true end end
    i = i + 1
  end
end
print(string.format("%.2f", (os.clock() - t) * 1e9 / (3 * n)))
