// SPDX-License-Identifier: GPL-2.0
/*
 * Many short flows, each answered and the answer compared.
 *
 *   dropin_net serve ADDRESS                     answers on UDP and TCP ports 5000 to 5003
 *   dropin_net udp|tcp ADDRESS PORT FLOWS        that many flows, each from a port of its own
 *   dropin_net refused ADDRESS PORT FLOWS        that many connections, which nobody takes
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 5000
#define PORTS 4
#define FIRST 10000	/* source ports */

static void die(const char *what, unsigned int n)
{
	printf("%s failed at %u: %s\n", what, n, strerror(errno));
	exit(1);
}

static struct sockaddr_in address(const char *host, unsigned int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die("address", port);
	return a;
}

static int bound(int type, struct sockaddr_in a)
{
	int fd = socket(AF_INET, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("bind", ntohs(a.sin_port));
	return fd;
}

static void answer_udp(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint64_t v;

	while (recvfrom(fd, &v, sizeof(v), MSG_DONTWAIT, (struct sockaddr *)&from, &len) ==
	       sizeof(v)) {
		v = ~v;
		sendto(fd, &v, sizeof(v), 0, (struct sockaddr *)&from, len);
	}
}

static void answer_tcp(int fd)
{
	int c = accept(fd, NULL, NULL);
	uint64_t v;

	if (c < 0)
		return;
	if (recv(c, &v, sizeof(v), MSG_WAITALL) == sizeof(v)) {
		v = ~v;
		send(c, &v, sizeof(v), 0);
	}
	close(c);
}

static void serve(const char *host)
{
	struct pollfd fds[2 * PORTS];
	int i;

	for (i = 0; i < PORTS; i++) {
		fds[i].fd = bound(SOCK_DGRAM, address(host, PORT + i));
		fds[PORTS + i].fd = bound(SOCK_STREAM, address(host, PORT + i));
		listen(fds[PORTS + i].fd, 128);
		fds[i].events = POLLIN;
		fds[PORTS + i].events = POLLIN;
	}
	for (;;) {
		poll(fds, 2 * PORTS, -1);
		for (i = 0; i < PORTS; i++) {
			if (fds[i].revents)
				answer_udp(fds[i].fd);
			if (fds[PORTS + i].revents)
				answer_tcp(fds[PORTS + i].fd);
		}
	}
}

static void one_flow(int type, struct sockaddr_in to, unsigned int n)
{
	struct linger now = { .l_onoff = 1 };
	int fd = bound(type, address("0.0.0.0", FIRST + n));
	uint64_t v = n * 0x9e3779b97f4a7c15ULL + 1, w = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect", n);
	if (send(fd, &v, sizeof(v), 0) != sizeof(v))
		die("send", n);
	if (poll(&p, 1, 20000) != 1 || recv(fd, &w, sizeof(w), 0) != sizeof(w))
		die("recv", n);
	if (w != ~v)
		die("comparison", n);
	if (type == SOCK_STREAM && n % 2)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* The answer is a reset, and tracking forgets such a connection at once. */
static void one_refusal(struct sockaddr_in to, unsigned int n)
{
	int fd = bound(SOCK_STREAM, address("0.0.0.0", FIRST + n));

	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) || errno != ECONNREFUSED)
		die("refusal", n);
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned int i, flows;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	if (argc != 5)
		return 2;
	flows = atoi(argv[4]);
	for (i = 0; i < flows; i++) {
		struct sockaddr_in to = address(argv[2], atoi(argv[3]));

		if (!strcmp(argv[1], "refused"))
			one_refusal(to, i);
		else
			one_flow(strcmp(argv[1], "tcp") ? SOCK_DGRAM : SOCK_STREAM, to, i);
	}
	printf("ops %u\n", flows);
	return 0;
}
