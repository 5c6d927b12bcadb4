// Queues from outside: make, remove, describe.
#include <nanobind/stl/string.h>

#include "calls.h"
#include "ends.h"
#include "errors.h"

static shmq_shape shape_of(uint32_t slots, uint32_t slot_size, uint32_t seats, uint32_t mode, uint8_t producers, uint8_t consumers, uint8_t flags)
{
	shmq_shape s{};
	s.slots = slots;
	s.slot_size = slot_size;
	s.seats = seats;
	s.mode = mode;
	s.producers = producers;
	s.consumers = consumers;
	s.flags = flags;
	return s;
}

template <class F> static int64_t call(F f)
{
	shmq_error err;
	err.code = 0;
	int64_t rc = without_gil([&] { return int64_t(f(&err)); });
	if (rc < 0)
		throw_if(raise_error(err));
	return rc;
}

static nb::bytes hex_of(const uint8_t *b, size_t n)
{
	return nb::bytes(reinterpret_cast<const char *>(b), n);
}

static nb::dict describe(const std::string &queue)
{
	const char *name = queue_name(queue);
	shmq_info i;
	nb::dict d, s;
	call([&](shmq_error *err) { return shmq_stat(name, &i, err); });
	s["slots"] = i.shape.slots;
	s["slot_size"] = i.shape.slot_size;
	s["seats"] = i.shape.seats;
	s["mode"] = i.shape.mode;
	s["producers"] = i.shape.producers;
	s["consumers"] = i.shape.consumers;
	s["flags"] = i.shape.flags;
	d["shape"] = s;
	d["creation"] = hex_of(i.creation, sizeof i.creation);
#define FIELD(field) d[#field] = i.field
	FIELD(size);
	FIELD(created);
	FIELD(head);
	FIELD(tail);
	FIELD(depth);
	FIELD(epoch);
	FIELD(left);
	FIELD(ends);
	FIELD(finished);
	FIELD(skipped);
	FIELD(torn);
	FIELD(sent);
	FIELD(sent_bytes);
	FIELD(received);
	FIELD(received_bytes);
	FIELD(redelivered);
	FIELD(producers);
	FIELD(consumers);
	FIELD(dead);
#undef FIELD
	return d;
}

static nb::list participants(const std::string &queue)
{
	const char *name = queue_name(queue);
	std::vector<shmq_participant> ps(1024);
	nb::list l;
	int64_t n = call([&](shmq_error *err) { return shmq_participants(name, ps.data(), ps.size(), err); });
	for (size_t i = 0; i < std::min(size_t(n), ps.size()); i++) {
		const shmq_participant &p = ps[i];
		nb::dict d;
		d["seat"] = p.seat;
		d["role"] = p.role;
		d["pid"] = p.pid;
		d["uid"] = p.uid;
		d["start_time"] = p.start_time;
		d["attached"] = p.attached;
		d["records"] = p.counters.records;
		d["bytes"] = p.counters.bytes;
		d["waits"] = p.counters.waits;
		d["wakes"] = p.counters.wakes;
		d["redelivered"] = p.counters.redelivered;
		d["alive"] = p.alive != 0;
		d["command"] = nb::steal(or_throw(PyUnicode_DecodeUTF8(p.command, Py_ssize_t(strnlen(p.command, sizeof p.command)), "replace")));
		l.append(d);
	}
	return l;
}

void define_queues(nb::module_ &m)
{
	m.def("_create", [](const std::string &queue, uint32_t slots, uint32_t slot_size, uint32_t seats, uint32_t mode, uint8_t producers,
			    uint8_t consumers, uint8_t flags) {
		const char *name = queue_name(queue);
		shmq_shape s = shape_of(slots, slot_size, seats, mode, producers, consumers, flags);
		call([&](shmq_error *err) { return shmq_create(name, &s, err); });
	});
	m.def("_create_anonymous", [](uint32_t slots, uint32_t slot_size, uint32_t seats, uint32_t mode, uint8_t producers, uint8_t consumers,
				      uint8_t flags) {
		shmq_shape s = shape_of(slots, slot_size, seats, mode, producers, consumers, flags);
		return call([&](shmq_error *err) { return shmq_create_anonymous(&s, err); });
	});
	m.def("_remove", [](const std::string &queue, bool force) {
		const char *name = queue_name(queue);
		call([&](shmq_error *err) { return shmq_remove(name, force, err); });
	});
	m.def("_path", [](const std::string &queue) {
		const char *name = queue_name(queue);
		std::vector<char> path(8192);
		call([&](shmq_error *err) { return shmq_path(name, path.data(), path.size(), err); });
		return nb::steal(or_throw(PyUnicode_DecodeFSDefault(path.data())));
	});
	m.def("_recover", [](const std::string &queue) {
		const char *name = queue_name(queue);
		return call([&](shmq_error *err) { return shmq_recover(name, err); });
	});
	m.def("_stat", describe);
	m.def("_participants", participants);
	m.def("_version", [] { return shmq_version(); });
}
