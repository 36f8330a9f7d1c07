local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end
local t = os.clock()
fib(30)
print(string.format("%.2f", (os.clock() - t) * 1e9 / 1346269))
