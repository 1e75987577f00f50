SELECT event_time AS time, event, model, version, if(symbol = '', 'all', toString(symbol)) AS `whose`, reason
FROM model_versions
WHERE $__timeFilter(event_time) AND (symbol = '' OR $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol))
ORDER BY time DESC
LIMIT 1 BY time, event, model, version, symbol
LIMIT 200
