// What all programs here share: a record that checks itself, two ends on a core each, and
// the two things that are measured. A program is one Link:
//
//     static constexpr const char* name;   as it is printed
//     static constexpr bool processes;     the ends are processes; else threads
//     Link();                              made before the second end starts
//     struct End { End(Link&, int side); void send(const Record&); void receive(Record&); };
//
// An end is made where it is used. Side 0 sends the records and measures, side 1 answers.
#pragma once

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <thread>

// As many records are on their way at most: the size of the rings.
constexpr std::size_t window = 1024;

struct Record {
  std::uint64_t words[6];

  static Record numbered(std::uint64_t n) { return Record{{n, 0, 0, 0, 0, ~n}}; }

  void check(std::uint64_t n) const {
    if (words[0] != n || words[5] != ~n)
      throw std::runtime_error("record " + std::to_string(n) + " holds " + std::to_string(words[0]) +
                               " and, inverted, " + std::to_string(~words[5]));
  }
};
static_assert(sizeof(Record) == 48, "as large as those of the others");

// Tries until done. It leaves the core to others now and then: the other end may have no
// core of its own.
template <class Try>
inline void poll(Try done) {
  for (unsigned i = 1; !done(); i++)
    if (i % 65536 == 0) sched_yield();
}

// Keeps the caller on the n-th of the cores that the process started with.
inline void pin(const cpu_set_t& all, int n) {
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &all) && n-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof one, &one);  // refused: it is only less exact
    }
}

// The clock starts when the second end has said something: the two are connected then.
template <class Link>
void measure(Link& link, bool there_and_back, std::uint64_t n) {
  typename Link::End end(link, 0);
  Record got;
  end.receive(got);
  got.check(n);
  auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < n; i++) {
    end.send(Record::numbered(i));
    if (there_and_back) {
      end.receive(got);
      got.check(i);
    }
  }
  if (!there_and_back) {  // the answer says that all have arrived, in order
    end.receive(got);
    got.check(n);
  }
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%s %.2f\n", Link::name, took.count() / double(n));
}

template <class Link>
void answer(Link& link, bool there_and_back, std::uint64_t n) {
  typename Link::End end(link, 1);
  Record got;
  end.send(Record::numbered(n));
  for (std::uint64_t i = 0; i < n; i++) {
    end.receive(got);
    got.check(i);
    if (there_and_back) end.send(got);
  }
  if (!there_and_back) end.send(Record::numbered(n));
}

// The second end as a process. The ends see each other's death: the second is killed with
// the first, and the first fails when the second does.
template <class Link, class First, class Second>
void in_processes(First first, Second second) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    try {
      second();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s: second end: %s\n", Link::name, e.what());
      _exit(1);
    }
    _exit(0);
  }
  static pid_t other;
  other = child;
  std::signal(SIGCHLD, [](int) {
    int status;
    if (waitpid(other, &status, WNOHANG) == other && status != 0) _exit(1);
  });
  first();
  std::signal(SIGCHLD, SIG_DFL);
  int status = 0;
  if (waitpid(child, &status, 0) == child && status != 0) throw std::runtime_error("the second end failed");
}

template <class Link>
void run(const std::string& mode, std::uint64_t n, bool pinned) {
  bool there_and_back = mode == "roundtrip";
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  Link link;
  auto first = [&] {
    if (pinned) pin(all, 0);
    measure(link, there_and_back, n);
  };
  auto second = [&] {
    if (pinned) pin(all, 1);
    answer(link, there_and_back, n);
  };
  if (Link::processes) {
    in_processes<Link>(first, second);
  } else {
    std::thread t(second);  // what it throws ends the program
    first();
    t.join();
  }
}

// The command line: PROGRAM throughput|roundtrip RECORDS [pinned|free [NAME]]. Each Link, or
// the one of that name, is run and prints a line: its name and nanoseconds a record. "free"
// leaves the cores to the kernel.
template <class... Links>
int run_all(int argc, char** argv) {
  std::string mode = argc > 1 ? argv[1] : "", cores = argc > 3 ? argv[3] : "pinned";
  std::uint64_t n = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  bool known = (mode == "throughput" || mode == "roundtrip") && (cores == "pinned" || cores == "free");
  if (!known || n == 0) {
    std::fprintf(stderr, "usage: %s throughput|roundtrip RECORDS [pinned|free [NAME]]\n", argv[0]);
    return 2;
  }
  auto wanted = [&](const char* name) { return argc < 5 || std::strcmp(argv[4], name) == 0; };
  try {
    (void)std::initializer_list<int>{(wanted(Links::name) ? run<Links>(mode, n, cores == "pinned") : void(), 0)...};
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
  }
  return 0;
}
