// Eclipse iceoryx (C++), publish and subscribe, with its daemon RouDi. The publisher waits for
// a slow subscriber, so that nothing is lost.
#include <iceoryx_posh/popo/publisher.hpp>
#include <iceoryx_posh/popo/subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "harness.hpp"

struct Iceoryx {
  static constexpr const char* name = "iceoryx";
  static constexpr bool processes = true;

  // initialize registers this process with RouDi, once.
  static void initialize(const Place& p) {
    static bool done = false;
    if (done) return;
    std::string me = p.base() + "-" + std::to_string(getpid());
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, me.c_str()));
    done = true;
  }

  template <class R>
  struct Queue {
    std::unique_ptr<iox::popo::Publisher<R>> publisher;
    std::unique_ptr<iox::popo::Subscriber<R>> subscriber;

    Queue(const Place& p, const char* direction) {
      initialize(p);
      iox::capro::ServiceDescription service(
          iox::capro::IdString_t(iox::cxx::TruncateToCapacity, p.base().c_str()),
          iox::capro::IdString_t(iox::cxx::TruncateToCapacity, direction),
          iox::capro::IdString_t(iox::cxx::TruncateToCapacity, std::to_string(R::size).c_str()));
      if (p.receiver == (direction[0] == 't')) {
        iox::popo::SubscriberOptions o;
        o.queueCapacity = std::min<std::uint64_t>(R::window, iox::MAX_SUBSCRIBER_QUEUE_CAPACITY);
        o.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
        subscriber = std::make_unique<iox::popo::Subscriber<R>>(service, o);
      } else {
        iox::popo::PublisherOptions o;
        o.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
        publisher = std::make_unique<iox::popo::Publisher<R>>(service, o);
      }
    }
    bool send(const R& r) {
      // Nothing is published before somebody is there to take it.
      if (!connected && !(connected = publisher->hasSubscribers())) return false;
      bool sent = false;
      publisher->loan().and_then([&](auto& sample) {
        *sample.get() = r;
        sample.publish();
        sent = true;
      });
      return sent;
    }
    bool connected = false;
    template <class F>
    bool take(F f) {
      bool got = false;
      subscriber->take().and_then([&](auto& sample) {
        f(*sample.get());
        got = true;
      });
      return got;
    }
  };
};

int main(int argc, char** argv) { return run_all<Iceoryx>(argc, argv); }
