local next = math.max(now, tat - cost)
keep(next)
return {1, next, now}
