//go:build ignore

/* The service of the benchmark: it stamps its start into its slot of the board
 * and pauses. With -x it exits 1 after the stamp, which makes a crash storm.
 *
 *	service [-x] [INDEX]
 *
 * Without INDEX the slot is the name of the working directory, as for
 * supervisors that run DIR/INDEX/run. BENCH_BOARD names the board, a file of
 * slots of 32 bytes: stamp (ns of CLOCK_MONOTONIC), pid, count of starts.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct slot {
	uint64_t stamp;
	uint32_t pid;
	uint32_t count;
	uint64_t spare[2];
};

int main(int argc, char **argv)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);

	int crash = argc > 1 && strcmp(argv[1], "-x") == 0;
	char cwd[PATH_MAX];
	const char *index = argv[1 + crash];
	if (index == NULL) {
		char *slash = getcwd(cwd, sizeof cwd) ? strrchr(cwd, '/') : NULL;
		if (slash == NULL)
			return 2;
		index = slash + 1;
	}
	char *end;
	unsigned long i = strtoul(index, &end, 10);
	const char *path = getenv("BENCH_BOARD");
	if (path == NULL || *end != '\0')
		return 2;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || (i + 1) * sizeof(struct slot) > (uint64_t)st.st_size)
		return 3;
	struct slot *board = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (board == MAP_FAILED)
		return 4;
	close(fd);
	struct slot *s = &board[i];
	s->stamp = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	s->pid = (uint32_t)getpid();
	/* The count comes last: who sees it sees the rest. */
	__atomic_add_fetch(&s->count, 1, __ATOMIC_RELEASE);
	if (crash)
		return 1;
	for (;;)
		pause();
}
