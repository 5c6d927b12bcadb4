//! iceoryx2 between processes: publish and subscribe, the same with the settings of its own
//! benchmark, and request and response.

use core::mem::MaybeUninit;

use iceoryx2::active_request::ActiveRequest;
use iceoryx2::pending_response::PendingResponse;
use iceoryx2::port::{client::Client, publisher::Publisher, server::Server, subscriber::Subscriber};
use iceoryx2::prelude::*;
use iceoryx2::sample_mut_uninit::SampleMutUninit;

use crate::harness::{End, Failure, Link, Place, Record};

type Service = ipc::Service;

fn failed(e: impl std::fmt::Debug) -> Failure {
    format!("{e:?}").into()
}

/// A node whose files are all named after the place.
fn node(place: &Place) -> Result<Node<Service>, Failure> {
    set_log_level(LogLevel::Fatal);
    let mut config = Config::default();
    let base = place.dir.rsplit('/').next().unwrap_or_default();
    config.global.set_root_path(&Path::new(place.dir.as_bytes()).map_err(failed)?);
    config.global.prefix = FileName::new(format!("{base}_").as_bytes()).map_err(failed)?;
    NodeBuilder::new().config(&config).create::<Service>().map_err(failed)
}

fn service_name(direction: &str, words: usize) -> Result<ServiceName, Failure> {
    format!("{direction}/{words}").as_str().try_into().map_err(failed)
}

/// Publish and subscribe without loss. Room is left for a fresh end beside one that died.
pub struct PubSub;

pub struct PubSubEnd<const W: usize> {
    _node: Node<Service>,
    publisher: Publisher<Service, Record<W>, ()>,
    subscriber: Subscriber<Service, Record<W>, ()>,
}

impl Link for PubSub {
    type End<const W: usize> = PubSubEnd<W>;

    fn open<const W: usize>(place: &Place) -> Result<Vec<PubSubEnd<W>>, Failure> {
        let node = node(place)?;
        let service = |direction| -> Result<_, Failure> {
            node.service_builder(&service_name(direction, W)?)
                .publish_subscribe::<Record<W>>()
                .max_publishers(2)
                .max_subscribers(2)
                .history_size(0)
                .subscriber_max_buffer_size(Record::<W>::WINDOW)
                .enable_safe_overflow(false)
                .open_or_create()
                .map_err(failed)
        };
        let (there, back) = (service("there")?, service("back")?);
        let (out, inn) = if place.receiver { (back, there) } else { (there, back) };
        let publisher = out.publisher_builder().backpressure_strategy(BackpressureStrategy::DiscardData).create().map_err(failed)?;
        let subscriber = inn.subscriber_builder().create().map_err(failed)?;
        Ok(vec![PubSubEnd { _node: node, publisher, subscriber }])
    }
}

impl<const W: usize> End<W> for PubSubEnd<W> {
    // A record that no subscriber got was discarded: there was no room, or nobody yet.
    fn send(&mut self, r: &Record<W>) -> Result<bool, Failure> {
        let sample = self.publisher.loan_uninit().map_err(failed)?;
        let sample = sample.write_payload(*r);
        Ok(sample.send().map_err(failed)? > 0)
    }

    fn take(&mut self, mut f: impl FnMut(&Record<W>)) -> Result<bool, Failure> {
        let got = self.subscriber.receive().map_err(failed)?;
        Ok(got.inspect(|s| f(s.payload())).is_some())
    }
}

/// The settings of iceoryx2's own benchmark: one record on its way, overflow allowed, the next
/// sample loaned before the answer is waited for.
pub struct Benchmark;

type Loan<const W: usize> = SampleMutUninit<Service, MaybeUninit<Record<W>>, ()>;

pub struct BenchmarkEnd<const W: usize> {
    _node: Node<Service>,
    publisher: Publisher<Service, Record<W>, ()>,
    subscriber: Subscriber<Service, Record<W>, ()>,
    loan: Option<Loan<W>>,
}

impl Link for Benchmark {
    type End<const W: usize> = BenchmarkEnd<W>;

    fn open<const W: usize>(place: &Place) -> Result<Vec<BenchmarkEnd<W>>, Failure> {
        let node = node(place)?;
        let service = |direction| -> Result<_, Failure> {
            node.service_builder(&service_name(direction, W)?)
                .publish_subscribe::<Record<W>>()
                .max_publishers(1)
                .max_subscribers(1)
                .history_size(0)
                .subscriber_max_buffer_size(1)
                .enable_safe_overflow(true)
                .open_or_create()
                .map_err(failed)
        };
        let (there, back) = (service("there")?, service("back")?);
        let (out, inn) = if place.receiver { (back, there) } else { (there, back) };
        let publisher = out.publisher_builder().create().map_err(failed)?;
        let subscriber = inn.subscriber_builder().create().map_err(failed)?;
        let loan = Some(publisher.loan_uninit().map_err(failed)?);
        Ok(vec![BenchmarkEnd { _node: node, publisher, subscriber, loan }])
    }
}

impl<const W: usize> End<W> for BenchmarkEnd<W> {
    fn send(&mut self, r: &Record<W>) -> Result<bool, Failure> {
        let sample = self.loan.take().ok_or("no loan")?;
        let sent = sample.write_payload(*r).send().map_err(failed)?;
        self.loan = Some(self.publisher.loan_uninit().map_err(failed)?);
        Ok(sent > 0)
    }

    fn take(&mut self, mut f: impl FnMut(&Record<W>)) -> Result<bool, Failure> {
        let got = self.subscriber.receive().map_err(failed)?;
        Ok(got.inspect(|s| f(s.payload())).is_some())
    }
}

/// The sender asks, the receiver answers.
pub struct Requests;

pub enum RequestsEnd<const W: usize> {
    Asks {
        _node: Node<Service>,
        client: Client<Service, Record<W>, (), Record<W>, ()>,
        pending: Option<PendingResponse<Service, Record<W>, (), Record<W>, ()>>,
    },
    Answers {
        _node: Node<Service>,
        server: Server<Service, Record<W>, (), Record<W>, ()>,
        active: Option<ActiveRequest<Service, Record<W>, (), Record<W>, ()>>,
    },
}

impl Link for Requests {
    type End<const W: usize> = RequestsEnd<W>;

    fn open<const W: usize>(place: &Place) -> Result<Vec<RequestsEnd<W>>, Failure> {
        let node = node(place)?;
        let service = node
            .service_builder(&service_name("requests", W)?)
            .request_response::<Record<W>, Record<W>>()
            .max_servers(1)
            .max_clients(1)
            .max_response_buffer_size(1)
            .open_or_create()
            .map_err(failed)?;
        Ok(vec![if place.receiver {
            let server = service.server_builder().create().map_err(failed)?;
            RequestsEnd::Answers { _node: node, server, active: None }
        } else {
            let client = service.client_builder().create().map_err(failed)?;
            RequestsEnd::Asks { _node: node, client, pending: None }
        }])
    }
}

impl<const W: usize> End<W> for RequestsEnd<W> {
    fn send(&mut self, r: &Record<W>) -> Result<bool, Failure> {
        match self {
            RequestsEnd::Asks { client, pending, .. } => {
                let asked = client.loan_uninit().map_err(failed)?.write_payload(*r).send().map_err(failed)?;
                let sent = asked.number_of_server_connections() > 0;
                *pending = Some(asked);
                Ok(sent)
            }
            RequestsEnd::Answers { active, .. } => {
                let request = active.take().ok_or("no request")?;
                request.loan_uninit().map_err(failed)?.write_payload(*r).send().map_err(failed)?;
                Ok(true)
            }
        }
    }

    fn take(&mut self, mut f: impl FnMut(&Record<W>)) -> Result<bool, Failure> {
        match self {
            RequestsEnd::Asks { pending, .. } => {
                let waiting = pending.as_ref().ok_or("no request")?;
                let got = waiting.receive().map_err(failed)?;
                Ok(got.inspect(|r| f(r.payload())).is_some())
            }
            RequestsEnd::Answers { server, active, .. } => {
                let Some(request) = server.receive().map_err(failed)? else { return Ok(false) };
                f(request.payload());
                *active = Some(request);
                Ok(true)
            }
        }
    }
}
