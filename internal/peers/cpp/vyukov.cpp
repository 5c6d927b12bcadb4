// Dmitry Vyukov's bounded queue for many producers and many consumers, written from its
// description: each slot has a number that says whose turn it is, and an operation is one
// compare-and-swap on the position and one store of the slot's number.
#include "harness.hpp"

struct Vyukov {
  static constexpr const char* name = "vyukov-mpmc";
  static constexpr bool processes = true;
  template <class R>
  struct Queue {
    struct alignas(line) Slot {
      std::atomic<std::uint64_t> turn;
      R record;
    };
    struct Ring {
      alignas(128) std::atomic<std::uint64_t> tail{0};
      alignas(128) std::atomic<std::uint64_t> head{0};
      alignas(128) Slot slots[R::window];
      Ring() {
        for (std::size_t i = 0; i < R::window; i++) slots[i].turn.store(i, std::memory_order_relaxed);
      }
    };
    Ring* ring;
    Queue(const Place& p, const char* direction) : ring(p.object<R, Ring>(direction)) {}

    // claim moves the position forward when its slot's turn has come to be position + offset.
    Slot* claim(std::atomic<std::uint64_t>& position, std::uint64_t offset, std::uint64_t& at) {
      at = position.load(std::memory_order_relaxed);
      for (;;) {
        Slot& s = ring->slots[at % R::window];
        auto behind = std::int64_t(s.turn.load(std::memory_order_acquire) - (at + offset));
        if (behind < 0) return nullptr;
        if (behind > 0) {
          at = position.load(std::memory_order_relaxed);
        } else if (position.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
          return &s;
        }
      }
    }
    bool send(const R& r) {
      std::uint64_t at;
      Slot* s = claim(ring->tail, 0, at);
      if (!s) return false;
      s->record = r;
      s->turn.store(at + 1, std::memory_order_release);
      return true;
    }
    template <class F>
    bool take(F f) {
      std::uint64_t at;
      Slot* s = claim(ring->head, 1, at);
      if (!s) return false;
      f(s->record);
      s->turn.store(at + R::window, std::memory_order_release);
      return true;
    }
  };
};

int main(int argc, char** argv) { return run_all<Vyukov>(argc, argv); }
