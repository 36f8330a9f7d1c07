local function build(d) if d == 0 then return {} end return {build(d - 1), build(d - 1)} end
local function count(n) if not n[1] then return 1 end return 1 + count(n[1]) + count(n[2]) end
local t = os.clock()
local total = 0
for i = 1, 20 do total = total + count(build(14)) end
print(string.format("%.2f", (os.clock() - t) * 1e9 / total))
