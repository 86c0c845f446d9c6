# SPDX-License-Identifier: GPL-2.0
# Commands for redis-cli --pipe that fill N keys of each kind, or with ask=1 questions about them.
function pad(n, s) {
	s = ""
	while (length(s) < n)
		s = s "0123456789abcdefghijklmnopqrstuvwxyz"
	return substr(s, 1, n)
}

BEGIN {
	for (i = 0; i < n && !ask; i++) {
		printf "SET own:string:%d %s\r\n", i, pad(i % 900)  i
		printf "HSET own:hash:%d field%d %d\r\n", i % 500, i, i * 7
		printf "HSET own:hash:%d other %s\r\n", i % 500, pad(i % 90) "x"
		printf "RPUSH own:list:%d %s%d\r\n", i % 300, pad(i % 60), i
		printf "ZADD own:zset:%d %d member%d\r\n", i % 200, i * 7919 % 10007, i
		printf "SADD own:set:%d %d\r\n", i % 100, i * 31
		printf "APPEND own:string:%d %s\r\n", i * 17 % (i + 1), pad(i % 40) "z"
		if (i % 3 == 0)
			printf "DEL own:string:%d\r\n", i * 13 % (i + 1)
	}
	for (i = 0; i < n && ask; i += 7) {
		printf "GET own:string:%d\nHGET own:hash:%d field%d\n", i, i % 500, i
		printf "LRANGE own:list:%d 0 3\n", i % 300
		printf "ZRANGE own:zset:%d 0 3 WITHSCORES\n", i % 200
		printf "SISMEMBER own:set:%d %d\n", i % 100, i * 31
		printf "SCARD own:set:%d\nLLEN own:list:%d\n", i % 100, i % 300
	}
}
