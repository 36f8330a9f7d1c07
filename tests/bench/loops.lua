local t = os.clock()
local sum = 0
for i = 0, 2999 do for j = 0, 2999 do sum = sum + (i ~ j) end end
print(string.format("%.2f", (os.clock() - t) * 1e9 / 9e6))
