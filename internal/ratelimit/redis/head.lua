-- What the scripts share: the clock, the bucket as it stands, and how it is kept.
-- Numbers are doubles, exact up to 2^53: microseconds since 1970 stay below that until the year 2255.
local key = KEYS[1]
local cost, window, delay = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- A missing key is a full bucket, and so is one that holds no number. Nothing lies beyond an empty bucket with all its slots booked
-- ("not <=" holds for what is not a number, too).
local held = redis.pcall('GET', key)
local tat = type(held) == 'string' and tonumber(held) or now
if not (tat <= now + window + delay) then
	tat = now + window + delay
end
tat = math.max(tat, now)

-- The key lasts a second longer than it is needed, so that rounding never ends it early.
local function keep(value)
	if value > now then
		redis.call('SET', key, string.format('%.0f', value), 'PX', string.format('%.0f', math.ceil((value - now) / 1000) + 1000))
	else
		redis.call('DEL', key)
	end
end

