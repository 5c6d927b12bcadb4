// What all programs here share: a record that checks itself, the commands that the runner
// gives, and the loops that are measured. A program is one or more Links:
//
//     static constexpr const char* name;     as the runner calls it
//     static constexpr bool processes;       the ends are processes; else threads
//     template <class R> struct Queue {      one direction, of records of type R
//       Queue(const Place&, const char* direction);
//       bool send(const R&);                 false: there is no room
//       template <class F> bool take(F f);   f(const R&) reads the record; false: there is none
//     };
//
// A Link that may sleep in the kernel does so in send and take, which are then never false.
// Where a queue has batches, Queue has also
//
//       unsigned send_batch(const R*, unsigned n);                    how many it took
//       template <class F> unsigned take_batch(F f, unsigned n);      how many there were
//
// take calls f before it gives the record up, where the queue can do that.
#pragma once

#include <emmintrin.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>

template <std::size_t Size>
struct Record {
  static constexpr std::size_t size = Size;
  // As many records are on their way at most: the size of the rings.
  static constexpr std::size_t window = Size <= 48 ? 1024 : Size <= 1024 ? 256 : 16;
  static constexpr std::size_t last = Size / 8 - 1;

  std::uint64_t words[Size / 8];

  void number(std::uint64_t n) { words[0] = n, words[last] = ~n; }
  bool whole() const { return words[last] == ~words[0]; }
  void check(std::uint64_t n) const {
    if (words[0] != n || !whole())
      throw std::runtime_error("record " + std::to_string(n) + " holds " + std::to_string(words[0]) +
                               " and, inverted, " + std::to_string(~words[last]));
  }
};

constexpr std::size_t line = 64;

inline std::uint64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::uint64_t(t.tv_sec) * 1000000000 + std::uint64_t(t.tv_nsec);
}

// Tries until done. It leaves the core to others now and then: the other end may have no
// core of its own.
template <bool Pause, class Try>
inline void poll(Try done) {
  for (unsigned i = 1; !done(); i++) {
    if (Pause) _mm_pause();
    if (i % 65536 == 0) sched_yield();
  }
}

// Where the ends of a run meet.
struct Place {
  std::string dir;
  bool create;    // the first process does; else what is there is attached to
  bool receiver;  // the process that receives from "there"

  std::string base() const { return dir.substr(dir.rfind('/') + 1); }

  // map maps a file of the directory, new ones zeroed, in all processes at the same address:
  // some queues keep pointers.
  void* map(const std::string& name, std::size_t size, std::uintptr_t number) const {
    std::string path = dir + "/" + name;
    int fd = open(path.c_str(), O_RDWR | (create ? O_CREAT | O_EXCL : 0), 0600);
    if (fd < 0 || (create && ftruncate(fd, off_t(size)) != 0)) throw std::runtime_error("cannot open " + path);
    void* want = reinterpret_cast<void*>(0x510000000000 + (number << 30));
    void* at = mmap(want, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, 0);
    close(fd);
    if (at != want) throw std::runtime_error("cannot map " + path);
    return at;
  }

  // memory is that of one direction of records of type R.
  template <class R>
  void* memory(const char* direction, std::size_t size) const {
    std::uintptr_t number = 2 * (R::size > 1024 ? 2 : R::size > 48) + (direction[0] == 'b');
    return map(direction + std::to_string(R::size), size, number);
  }

  // object is a T in that memory.
  template <class R, class T, class... Args>
  T* object(const char* direction, Args... args) const {
    void* at = memory<R>(direction, sizeof(T));
    return create ? new (at) T(args...) : static_cast<T*>(at);
  }
};

// What the ends of a run in which one is killed tell the runner, in a file that it maps.
// Each end has an area of its own.
struct alignas(256) Progress {
  static constexpr int areas = 16;

  volatile std::uint64_t sent;     // sends that returned
  volatile std::uint64_t first;    // the first number received, and one
  volatile std::uint64_t next[2];  // one more than the last number received from each sender
  volatile std::uint64_t gaps;     // numbers that were passed over
  volatile std::uint64_t again;    // records that came again, or late
  volatile std::uint64_t torn;
  volatile std::uint64_t total;

  // received notes a record. Its number holds which sender it came from.
  void received(std::uint64_t n, bool whole) {
    if (!whole) {
      torn = torn + 1;
      return;
    }
    int sender = n >> 32 & 1;
    std::uint64_t i = n & 0xffffffff;
    if (first == 0) first = n + 1, next[sender] = i;
    if (i < next[sender]) {
      again = again + 1;
    } else {
      gaps = gaps + (i - next[sender]);
      next[sender] = i + 1;
    }
    total = total + 1;
  }
};

template <class Q, class R>
using has_batches = decltype(std::declval<Q&>().send_batch(std::declval<const R*>(), 1u));
template <class Q, class R, class = void>
struct batches : std::false_type {};
template <class Q, class R>
struct batches<Q, R, std::void_t<has_batches<Q, R>>> : std::true_type {};

constexpr unsigned most = 16;  // records in a batch

template <class R, bool Pause, class Q>
std::uint64_t send_all(Q& out, std::uint64_t n, unsigned batch) {
  auto recs = std::make_unique<R[]>(most);
  std::uint64_t start = now();
  if constexpr (batches<Q, R>::value) {
    if (batch > 1) {
      for (std::uint64_t i = 0; i < n;) {
        unsigned want = unsigned(n - i < batch ? n - i : batch), done = 0;
        for (unsigned k = 0; k < want; k++) recs[k].number(i + k);
        poll<Pause>([&] { return (done += out.send_batch(&recs[done], want - done)) == want; });
        i += want;
      }
      return start;
    }
  }
  for (std::uint64_t i = 0; i < n; i++) {
    recs[0].number(i);
    poll<Pause>([&] { return out.send(recs[0]); });
  }
  return start;
}

template <class R, bool Pause, class Q>
std::uint64_t take_all(Q& in, std::uint64_t n, unsigned batch) {
  auto got = std::make_unique<R>();
  std::uint64_t i = 0;
  auto read = [&](const R& r) {
    *got = r;
    got->check(i++);
  };
  if constexpr (batches<Q, R>::value) {
    if (batch > 1)
      while (i < n) poll<Pause>([&] { return in.take_batch(read, unsigned(n - i < batch ? n - i : batch)) != 0; });
  }
  while (i < n) poll<Pause>([&] { return in.take(read); });
  return now();
}

template <class R, bool Pause, class Q>
std::uint64_t ask(Q& out, Q& in, std::uint64_t n) {
  auto rec = std::make_unique<R>(), got = std::make_unique<R>();
  std::uint64_t start = now();
  for (std::uint64_t i = 0; i < n; i++) {
    rec->number(i);
    poll<Pause>([&] { return out.send(*rec); });
    poll<Pause>([&] { return in.take([&](const R& r) { *got = r; }); });
    got->check(i);
  }
  return start;
}

template <class R, bool Pause, class Q>
std::uint64_t answer(Q& out, Q& in, std::uint64_t n) {
  auto got = std::make_unique<R>();
  for (std::uint64_t i = 0; i < n; i++) {
    poll<Pause>([&] { return in.take([&](const R& r) { *got = r; }); });
    got->check(i);
    poll<Pause>([&] { return out.send(*got); });
  }
  return now();
}

struct Command {
  std::string verb;
  std::size_t size = 48;
  bool pause = true;
  unsigned batch = 1;
  std::uint64_t n = 0;  // records, or the first number of a stream
  int area = 0;
};

// Ends are those of one Link in this process, for all sizes of records.
template <class Link>
class Ends {
 public:
  Ends(Place place, std::string role) : place_(place), role_(role) {
    sched_getaffinity(0, sizeof all_, &all_);
  }

  void run(const Command& c) {
    if (c.size == 48) return sized<Record<48>>(c);
    if (c.size == 1024) return sized<Record<1024>>(c);
    if (c.size == 65536) return sized<Record<65536>>(c);
    throw std::runtime_error("no such size");
  }

 private:
  template <class R>
  struct Pair {
    typename Link::template Queue<R> there, back;
    explicit Pair(const Place& p) : there(p, "there"), back(p, "back") {}
  };

  template <class R>
  void sized(const Command& c) {
    auto& pair = std::get<std::unique_ptr<Pair<R>>>(pairs_);
    if (c.verb == "open") {
      pin(role_ == "receiver");
      pair = std::make_unique<Pair<R>>(place_);
      say("ready");
    } else if (!pair) {
      throw std::runtime_error("not open");
    } else if (c.verb == "stream") {
      stream<R>(*pair, c);
    } else if (c.pause) {
      measured<R, true>(*pair, c);
    } else {
      measured<R, false>(*pair, c);
    }
  }

  template <class R, bool Pause>
  void measured(Pair<R>& p, const Command& c) {
    std::uint64_t start = 0, end = 0;
    bool both = role_ == "both", there_and_back = c.verb == "roundtrip";
    auto sender = [&] {
      pin(0);
      start = there_and_back ? ask<R, Pause>(p.there, p.back, c.n) : send_all<R, Pause>(p.there, c.n, c.batch);
      if (there_and_back || !both) end = now();
    };
    auto receiver = [&] {
      pin(1);
      std::uint64_t t = there_and_back ? answer<R, Pause>(p.back, p.there, c.n) : take_all<R, Pause>(p.there, c.n, c.batch);
      if (!there_and_back || !both) end = t;
    };
    if (both) {
      std::thread t(receiver);  // what it throws ends the program
      sender();
      t.join();
    } else {
      role_ == "receiver" ? receiver() : sender();
    }
    say("done " + std::to_string(start) + " " + std::to_string(end));
  }

  // stream goes on until it is killed.
  template <class R>
  void stream(Pair<R>& p, const Command& c) {
    Place there = place_;
    there.create = false;
    auto& mine = static_cast<Progress*>(there.map("progress", Progress::areas * sizeof(Progress), 64))[c.area];
    auto rec = std::make_unique<R>();
    say("streaming");
    if (role_ == "receiver")
      for (;;) poll<true>([&] { return p.there.take([&](const R& r) { mine.received(r.words[0], r.whole()); }); });
    for (std::uint64_t i = 0;; i++) {
      rec->number(c.n + i);
      poll<true>([&] { return p.there.send(*rec); });
      mine.sent = i + 1;
    }
  }

  static void say(const std::string& s) {
    std::puts(s.c_str());
    std::fflush(stdout);
  }

  // pin keeps the caller on the n-th of the cores that the process started with.
  void pin(int n) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
      if (CPU_ISSET(cpu, &all_) && n-- == 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);  // refused: it is only less exact
      }
  }

  Place place_;
  std::string role_;
  cpu_set_t all_;
  std::tuple<std::unique_ptr<Pair<Record<48>>>, std::unique_ptr<Pair<Record<1024>>>, std::unique_ptr<Pair<Record<65536>>>> pairs_;
};

// serve carries out the commands of standard input, and ends the process with it.
template <class Link>
int serve(const Place& place, const std::string& role) {
  static Ends<Link> ends(place, role);
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream in(text);
    Command c;
    in >> c.verb >> c.size >> c.pause >> c.batch >> c.n >> c.area;
    // In a thread of its own, so that the end of standard input is seen at any time.
    std::thread([c] {
      try {
        ends.run(c);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", Link::name, e.what());
        _exit(1);
      }
    }).detach();
  }
  _exit(0);
}

// The command line: PROGRAM LINK sender|receiver|both DIR new|old.
template <class... Links>
int run_all(int argc, char** argv) {
  if (argc == 5) {
    std::string link = argv[1], role = argv[2];
    Place place{argv[3], argv[4] == std::string("new"), role != "sender"};
    int status = 2;
    (void)std::initializer_list<int>{
        (link == Links::name && Links::processes == (role != "both") ? status = serve<Links>(place, role) : 0)...};
    if (status != 2) return status;
  }
  std::fprintf(stderr, "usage: %s LINK sender|receiver|both DIR new|old\n", argv[0]);
  return 2;
}
