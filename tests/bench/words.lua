local t = os.clock()
local m, n = {}, 300000
for i = 0, n - 1 do local k = "key" .. (i % 5000); m[k] = (m[k] or 0) + i end
print(string.format("%.2f", (os.clock() - t) * 1e9 / n))
