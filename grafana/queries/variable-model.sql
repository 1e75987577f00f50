SELECT DISTINCT model FROM scores WHERE open_time >= $__toTime - INTERVAL 30 DAY ORDER BY model
