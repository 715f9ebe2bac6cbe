local next = tat + cost
if next - now > window then
	return {0, tat, now}
end
keep(next)
return {1, next, now}
