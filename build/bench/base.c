//go:build ignore

/* The base of the benchmark's ratios, and its stopwatch:
 *
 *	base supervise N CMD ARG...  vforks and execs CMD ARG... I for I = 1 to N,
 *	                             starts again what ends, at once; TERM: sends
 *	                             TERM to all, waits for all, exits
 *	base launch CMD ARG...       stamps slot 0 of the board and execs
 *	base timeit N CMD ARG...     runs CMD N times; slot I gets the ns from
 *	                             before the vfork to after the wait
 *	base serve SOCKET            answers "ok" to every line
 *	base ask SOCKET LINE         sends a line, copies the answer to stdout
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct slot {
	uint64_t stamp;
	uint32_t pid;
	uint32_t count;
	uint64_t spare[2];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct slot *board(long need)
{
	const char *path = getenv("BENCH_BOARD");
	if (path == NULL)
		path = "";
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		die("BENCH_BOARD");
	if ((uint64_t)(need + 1) * sizeof(struct slot) > (uint64_t)st.st_size) {
		fputs("BENCH_BOARD: too small\n", stderr);
		exit(1);
	}
	struct slot *b = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b == MAP_FAILED)
		die("mmap");
	close(fd);
	return b;
}

/* start returns a child's pid, which is never 0 or less: a kill(2) with these
 * would go to a whole group, or to everyone. */
static pid_t start(char **argv)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid <= 1)
		die("vfork");
	return pid;
}

static volatile sig_atomic_t stopping;

/* The alarm comes again until the loop has seen the flag: a TERM just before
 * a wait would otherwise be noticed at the next exit only. */
static void onstop(int sig)
{
	(void)sig;
	stopping = 1;
	struct itimerval in = {.it_value = {.tv_usec = 1000}};
	setitimer(ITIMER_REAL, &in, NULL);
}

static void supervise(long n, int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = onstop};
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	pid_t *pids = calloc((size_t)n, sizeof *pids);
	char **av = calloc((size_t)argc + 2, sizeof *av);
	char (*names)[24] = calloc((size_t)n, sizeof *names);
	if (pids == NULL || av == NULL || names == NULL)
		die("calloc");
	memcpy(av, argv, (size_t)argc * sizeof *av);
	for (long i = 0; i < n; i++)
		snprintf(names[i], sizeof names[i], "%ld", i + 1);

	long live = 0;
	for (long i = 0; i < n && !stopping; i++, live++) {
		av[argc] = names[i];
		pids[i] = start(av);
	}
	int told = 0;
	while (live > 0 || !stopping) {
		if (stopping && !told) {
			struct itimerval off = {0};
			told = 1;
			setitimer(ITIMER_REAL, &off, NULL);
			for (long i = 0; i < n; i++)
				if (pids[i] > 1)
					kill(pids[i], SIGTERM);
		}
		pid_t pid = waitpid(-1, NULL, 0);
		if (pid <= 1) {
			if (errno == EINTR)
				continue;
			die("waitpid");
		}
		long i = 0;
		while (i < n && pids[i] != pid)
			i++;
		if (i == n)
			continue;
		pids[i] = 0;
		if (stopping) {
			live--;
			continue;
		}
		av[argc] = names[i];
		pids[i] = start(av);
	}
	exit(0);
}

static void timeit(long n, char **argv)
{
	struct slot *b = board(n);
	for (long i = 1; i <= n; i++) {
		int status;
		uint64_t t0 = now();
		pid_t pid = start(argv);
		if (waitpid(pid, &status, 0) != pid)
			die("waitpid");
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "%s: status %#x\n", argv[0], status);
			exit(1);
		}
		b[i].stamp = now() - t0;
	}
	exit(0);
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path) {
		fputs("socket path too long\n", stderr);
		exit(1);
	}
	strcpy(a.sun_path, path);
	return a;
}

static void serve(const char *path)
{
	struct sockaddr_un a = address(path);
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l < 0 || bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 16) < 0)
		die(path);
	for (;;) {
		int c = accept(l, NULL, NULL);
		if (c < 0)
			die("accept");
		char buf[4096];
		ssize_t got;
		while ((got = read(c, buf, sizeof buf)) > 0)
			for (ssize_t i = 0; i < got; i++)
				if (buf[i] == '\n' && write(c, "ok\n", 3) != 3)
					break;
		close(c);
	}
}

static void ask(const char *path, const char *line)
{
	struct sockaddr_un a = address(path);
	int c = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c < 0 || connect(c, (struct sockaddr *)&a, sizeof a) < 0)
		die(path);
	dprintf(c, "%s\n", line);
	char buf[4096];
	ssize_t got = read(c, buf, sizeof buf);
	if (got <= 0 || write(1, buf, (size_t)got) != got)
		die("answer");
	exit(0);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	const char *role = argc > 2 ? argv[1] : "";
	if (strcmp(role, "launch") == 0) {
		board(0)->stamp = now();
		signal(SIGPIPE, SIG_DFL);
		execv(argv[2], argv + 2);
		die(argv[2]);
	}
	long n = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
	if (strcmp(role, "supervise") == 0 && n > 0)
		supervise(n, argc - 3, argv + 3);
	if (strcmp(role, "timeit") == 0 && n > 0)
		timeit(n, argv + 3);
	if (strcmp(role, "serve") == 0)
		serve(argv[2]);
	if (strcmp(role, "ask") == 0 && argc > 3)
		ask(argv[2], argv[3]);
	fputs("usage: base supervise|launch|timeit|serve|ask ...\n", stderr);
	return 2;
}
