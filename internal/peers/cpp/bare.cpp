// No queue: what the machine takes to hand a cache line, and to wake a process, each way.
// One record is on its way at a time, and it is only its number. So there is no throughput.
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>

#include "harness.hpp"

struct Lines {
  static constexpr const char* name = "bare-cache-lines";
  static constexpr bool processes = true;
  struct alignas(128) Line {
    std::atomic<std::uint64_t> n{0};
  };
  Line* lines;

  Lines() {
    void* p = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::runtime_error("mmap failed");
    lines = new (p) Line[2];
  }
  struct End {
    std::atomic<std::uint64_t>&out, &in;
    std::uint64_t seen = 0;
    End(Lines& l, int side) : out(l.lines[side].n), in(l.lines[1 - side].n) {}
    // Zero is an empty line, so a number is one more in it.
    void send(const Record& r) { out.store(r.words[0] + 1, std::memory_order_release); }
    void receive(Record& r) {
      std::uint64_t now;
      poll([&] { return (now = in.load(std::memory_order_acquire)) != seen; });
      seen = now;
      r = Record::numbered(now - 1);
    }
  };
};

struct Futex {
  static constexpr const char* name = "bare-futex";
  static constexpr bool processes = true;
  struct alignas(128) Line {
    std::atomic<std::uint32_t> n{0};
  };
  Line* lines;

  Futex() {
    void* p = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::runtime_error("mmap failed");
    lines = new (p) Line[2];
  }
  struct End {
    std::atomic<std::uint32_t>&out, &in;
    std::uint32_t seen = 0;
    End(Futex& l, int side) : out(l.lines[side].n), in(l.lines[1 - side].n) {}
    void send(const Record& r) {
      out.store(std::uint32_t(r.words[0]) + 1);
      syscall(SYS_futex, &out, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
    void receive(Record& r) {
      while (in.load() == seen) syscall(SYS_futex, &in, FUTEX_WAIT, seen, nullptr, nullptr, 0);
      seen = in.load();
      r = Record::numbered(std::uint64_t(seen) - 1);
    }
  };
};

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "throughput") == 0) {
    std::fprintf(stderr, "no throughput: a line holds one record\n");
    return 2;
  }
  return run_all<Lines, Futex>(argc, argv);
}
