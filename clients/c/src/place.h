/* Where a queue lives: a named file, the file of a descriptor, a System V segment. */
#ifndef SHMQ_PLACE_H
#define SHMQ_PLACE_H

#include "names.h"

#include "../include/shmq.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place_kind { IN_FILE, IN_DESCRIPTOR, IN_SEGMENT };

struct geometry;

struct place {
	enum place_kind kind;
	bool follow;       /* a symbolic link as the last part of the path */
	int number;        /* of the descriptor */
	uint32_t key;      /* of the segment; 0: it is found by id */
	int id;            /* of the segment, -1 while it is not known */
	uint64_t dev, ino; /* of the file, once it is open */
	uint32_t fs;       /* the filesystem's magic number */
	uint64_t block;    /* and its block size */
	char path[4096];   /* of the file, or the side file */
};

enum { HUGETLBFS = 0x958458f6, TMPFS = 0x01021994, RAMFS = 0x858458f6 };

int find_place(struct place *at, const char *name, struct shmq_error *e);
int open_place(struct place *at, bool write, struct shmq_error *e);              /* a descriptor, or a code */
int reopen_place(const struct place *at, int fd, struct shmq_error *e);          /* a description of its own */
int names_place(const struct place *at, int fd);                                 /* 1, 0, or -1: not known */
int read_geometry(const struct place *at, int fd, struct geometry *g, struct shmq_error *e);
int map_place(const struct place *at, int fd, uint64_t size, bool write, uint8_t **base, size_t *mapped, struct shmq_error *e);
int unmap_place(uint8_t *base, size_t mapped);
int blank(uint8_t *base, size_t mapped);
int64_t size_of_place(const struct place *at, int fd);
int create_place(struct place *at, const struct shmq_shape *shape, struct shmq_error *e);
int remove_place(struct place *at, int fd, struct shmq_error *e);
bool may_shrink(const struct place *at, int fd);

/* file.c, descriptor.c, segment.c: the kinds */
int open_file(struct place *at, bool write, struct shmq_error *e);
int open_descriptor(struct place *at, bool write, struct shmq_error *e);
int open_segment(struct place *at, bool write, struct shmq_error *e);
bool has_segment(int id); /* it is there, and was not removed */
int identify(struct place *at, int fd, struct shmq_error *e);
int on_this_machine(const struct place *at, struct shmq_error *e);

/* header.c */
int shape_geometry(const struct shmq_shape *shape, struct geometry *g, uint32_t *mode, struct shmq_error *e);
int encode_header(const struct geometry *g, uint8_t header[128], struct shmq_error *e);
int decode_header(const uint8_t *header, size_t n, uint64_t size, struct geometry *g, struct shmq_error *e);
void geometry_shape(const struct geometry *g, struct shmq_shape *shape);
int check_shape(const struct geometry *g, const struct shmq_shape *want, struct shmq_error *e);

/* create.c */
int allocate(int fd, uint64_t size, const char *where, struct shmq_error *e);
int write_at(int fd, const void *b, size_t n, uint64_t off);

#endif
