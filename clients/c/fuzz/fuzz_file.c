/*
 * Files that were queues, or side files of segments, once: the input is written over one, and all that opens one is run
 * over it. What is refused is refused with a text; what is accepted has a shape that fits into the file.
 */
#include "../src/layout.h"
#include "../src/segment.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "hostile bytes: %s\n", what);
	abort();
}

static char path[64];
static uint8_t *image;
static size_t image_size;

static void clean_up(void)
{
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

/* A queue of the smallest shape, as its bytes. */
static void make_image(void)
{
	struct shmq_shape shape = {.slots = 2, .slot_size = 64, .seats = 2};
	struct stat st;
	int fd;
	strcpy(path, "/dev/shm/shmq-fuzz-XXXXXX");
	need(mkdtemp(path) != NULL, "no directory");
	strcat(path, "/queue");
	atexit(clean_up);
	need(shmq_create(path, &shape, NULL) == 0, "no queue");
	fd = open(path, O_RDONLY);
	need(fd >= 0 && fstat(fd, &st) == 0, "no queue");
	image_size = (size_t)st.st_size;
	image = malloc(image_size);
	need(image != NULL && read(fd, image, image_size) == (ssize_t)image_size, "no image");
	close(fd);
}

static void side_file(const uint8_t *data, size_t size)
{
	struct side s;
	struct shmq_error e;
	FILE *f = tmpfile();
	need(f != NULL, "no file");
	if (write_at(fileno(f), data, size, 0) == 0 && read_side(fileno(f), &s, &e) == 0)
		need(s.state >= L_SIDE_MAKING && s.state <= L_SIDE_REMOVING && s.id >= -1, "a side file that makes no sense");
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shmq_error e;
	struct shmq_info info;
	struct geometry g;
	shmq *q = NULL;
	size_t off, n, length;
	uint8_t *copy;
	int fd;
	if (image == NULL)
		make_image();
	side_file(data, size);
	if (size < 3)
		return 0;
	off = (size_t)(data[0] | data[1] << 8) % image_size;
	n = size - 3 < image_size - off ? size - 3 : image_size - off;
	length = data[2] & 1 ? image_size : (size_t)data[2] * 97 % (image_size + 1);
	copy = malloc(image_size);
	need(copy != NULL, "no memory");
	memcpy(copy, image, image_size);
	memcpy(copy + off, data + 3, n);
	if (data[2] & 2) {
		uint32_t crc = crc32c(0, copy, L_OFF_HEADER_CRC);
		memcpy(copy + L_OFF_HEADER_CRC, &crc, 4);
	}
	if (decode_header(copy, image_size < L_HEADER_USED ? image_size : L_HEADER_USED, length, &g, &e) == 0)
		need(g.total <= length && g.slots >= 2 && g.seats >= 2, "a shape that does not fit");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	need(fd >= 0 && write_at(fd, copy, length, 0) == 0, "no file");
	close(fd);
	e.text[0] = 0;
	if (shmq_stat(path, &info, &e) == 0) {
		struct shmq_participant list[4];
		need(info.size <= length && info.depth <= info.shape.slots, "a description that makes no sense");
		(void)shmq_participants(path, list, 4, &e);
		(void)shmq_recover(path, &e);
		if (shmq_open(&q, path, data[2] & 4 ? SHMQ_PRODUCER : SHMQ_CONSUMER, NULL, &e) == 0) {
			char b[64];
			(void)shmq_send(q, "x", 1, 0);
			(void)shmq_receive(q, b, sizeof b, 0);
			shmq_close(q, NULL);
		}
	} else {
		need(strncmp(e.text, "shmq: stat queue \"/dev/shm/", 27) == 0, "a refusal without a reason");
	}
	free(copy);
	return 0;
}
