// Streams, events and graphs of the look-alike.
//
// Note [Deferred streams]
// As a rule everything that is asked of a stream happens at once, which is one of the orders that CUDA allows. With SWIFT_TORCH_EMULATOR_DEFERRED=SEED it happens as late as may be: when the
// host waits, and then in an order among the streams that the seed chooses and the events permit. So memory that is given out again while a stream still reads it, a host buffer that
// is filled again too early, and an event that is not waited for give wrong results here too; and a fault reaches the host at a later call, as on a device.
#include "driver.h"
#include "block.h"
#include "settings.h"
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <stdio.h>
#include <time.h>
#include <vector>

namespace st_emulator {

typedef std::function<int32_t()> Work;
/// An event's state, which outlives its handle: records so far, those that have happened, and when the last did.
struct Marks {
  uint64_t recorded = 0, happened = 0;
  double seconds = 0;
};
struct Item {
  Work run;
  /// Waits until this event has happened so often.
  std::shared_ptr<Marks> event;
  uint64_t ticket = 0;
  bool is_ready() const { return !event || event->happened >= ticket; }
};
struct EmulatedGraph { std::vector<Work> nodes; };
struct EmulatedStream {
  int32_t device;
  std::deque<Item> items;
  /// Being captured.
  std::unique_ptr<EmulatedGraph> graph;
  bool is_invalid = false;
};
struct EmulatedEvent { std::shared_ptr<Marks> marks = std::make_shared<Marks>(); };

// Work may ask for more (a fault's report does not, but a test's callback might).
static std::recursive_mutex lock;
static std::vector<EmulatedStream *> &streams() {
  static auto *s = new std::vector<EmulatedStream *>;
  return *s;
}
static Shuffler shuffler = {1};
static uint64_t seeded = 0;
/// Captures of this thread that forbid what might touch other streams.
static thread_local int strict_captures = 0;

int32_t forbidden_in_capture() { return strict_captures ? kCaptureUnsupported : kSuccess; }

static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
/// Does one thing of a stream that has one to do and need not wait. False: there is none.
static bool progress() {
  std::vector<EmulatedStream *> able;
  for (EmulatedStream *s : streams())
    if (!s->items.empty() && s->items.front().is_ready()) able.push_back(s);
  if (able.empty()) return false;
  EmulatedStream *s = able[shuffler.next() % able.size()];
  Item item = std::move(s->items.front());
  s->items.pop_front();
  // What follows a fault does not happen.
  if (!broken)
    if (int32_t fault = item.run()) broken = fault;
  return true;
}
template <class Condition> static int32_t progress_until(const Condition &done) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  while (!done())
    if (!progress()) {
      fprintf(stderr, "CUDA emulator: a stream waits for an event that can not happen\n");
      return broken = kLaunchFailed;
    }
  return broken;
}
void finish_all() {
  progress_until([] {
    for (EmulatedStream *s : streams())
      if (!s->items.empty()) return false;
    return true;
  });
}
static int32_t queue(EmulatedStream *stream, Item item) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (settings.deferred != seeded) shuffler.state = seeded = settings.deferred;
  if (stream && stream->graph) {
    stream->graph->nodes.push_back(std::move(item.run));
    return kSuccess;
  }
  if (stream && settings.deferred) {
    stream->items.push_back(std::move(item));
    return kSuccess;
  }
  // The legacy stream, and what was deferred before.
  if (!stream || !stream->items.empty()) finish_all();
  int32_t fault = item.run();
  if (fault) broken = fault;
  return fault;
}
int32_t submit(EmulatedStream *stream, Work work) { return queue(stream, {std::move(work), nullptr, 0}); }

/// What a captured stream can not do makes the capture worthless.
static int32_t refuse_capture(EmulatedStream *stream) {
  stream->is_invalid = true;
  return kCaptureUnsupported;
}
int32_t finish(EmulatedStream *stream) {
  if (stream && stream->graph) return refuse_capture(stream);
  return progress_until([=] { return !stream || stream->items.empty(); });
}

}  // namespace st_emulator
using namespace st_emulator;

// ---- streams

API cuStreamCreate(EmulatedStream **stream, uint32_t) {
  NEEDS_CONTEXT
  std::lock_guard<std::recursive_mutex> guard(lock);
  *stream = new EmulatedStream{context->device, {}, nullptr};
  streams().push_back(*stream);
  born(*stream);
  return kSuccess;
}
API cuStreamCreateWithPriority(EmulatedStream **stream, uint32_t flags, int32_t) { return cuStreamCreate(stream, flags); }
API cuStreamDestroy_v2(EmulatedStream *stream) {
  NEEDS_CONTEXT
  if (!died(stream)) return kInvalidHandle;
  finish_all();
  std::lock_guard<std::recursive_mutex> guard(lock);
  std::erase(streams(), stream);
  delete stream;
  return kSuccess;
}
API cuStreamSynchronize(EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  return finish(stream);
}
API cuStreamQuery(EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (!stream) return kSuccess;
  if (stream->graph) return refuse_capture(stream);
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (stream->items.empty()) return kSuccess;
  // Whoever asks again and again comes to an end.
  progress();
  return broken ? broken : kNotReady;
}
API cuCtxSynchronize() {
  NEEDS_CONTEXT
  if (int32_t error = forbidden_in_capture()) return error;
  finish_all();
  return broken;
}

// ---- events

API cuEventCreate(EmulatedEvent **event, uint32_t) {
  NEEDS_CONTEXT
  *event = new EmulatedEvent;
  born(*event);
  return kSuccess;
}
API cuEventDestroy_v2(EmulatedEvent *event) {
  NEEDS_CONTEXT
  if (!died(event)) return kInvalidHandle;
  delete event;
  return kSuccess;
}
API cuEventRecord(EmulatedEvent *event, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (!is_live(event)) return kInvalidHandle;
  // Other streams can not join a capture here.
  if (stream && stream->graph) return refuse_capture(stream);
  std::lock_guard<std::recursive_mutex> guard(lock);
  std::shared_ptr<Marks> marks = event->marks;
  const uint64_t ticket = ++marks->recorded;
  return queue(stream, {[=] {
                          marks->happened = std::max(marks->happened, ticket);
                          marks->seconds = now();
                          return (int32_t)kSuccess;
                        },
                        nullptr, 0});
}
API cuStreamWaitEvent(EmulatedStream *stream, EmulatedEvent *event, uint32_t) {
  NEEDS_STREAM(stream)
  if (!is_live(event)) return kInvalidHandle;
  if (stream && stream->graph) return refuse_capture(stream);
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!stream) return progress_until([=] { return event->marks->happened >= event->marks->recorded; });
  return queue(stream, {[] { return (int32_t)kSuccess; }, event->marks, event->marks->recorded});
}
API cuEventQuery(EmulatedEvent *event) {
  NEEDS_CONTEXT
  if (!is_live(event)) return kInvalidHandle;
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (event->marks->happened >= event->marks->recorded) return kSuccess;
  progress();
  return broken ? broken : kNotReady;
}
API cuEventSynchronize(EmulatedEvent *event) {
  NEEDS_CONTEXT
  if (!is_live(event)) return kInvalidHandle;
  const uint64_t ticket = event->marks->recorded;
  return progress_until([=] { return event->marks->happened >= ticket; });
}
API cuEventElapsedTime(float *milliseconds, EmulatedEvent *start, EmulatedEvent *end) {
  NEEDS_CONTEXT
  if (!is_live(start) || !is_live(end) || !start->marks->recorded || !end->marks->recorded) return kInvalidHandle;
  std::lock_guard<std::recursive_mutex> guard(lock);
  for (EmulatedEvent *e : {start, end})
    if (e->marks->happened < e->marks->recorded) return kNotReady;
  *milliseconds = (float)((end->marks->seconds - start->marks->seconds) * 1e3);
  return kSuccess;
}
API cuEventElapsedTime_v2(float *milliseconds, EmulatedEvent *start, EmulatedEvent *end) { return cuEventElapsedTime(milliseconds, start, end); }

// ---- graphs

static constexpr int32_t kRelaxed = 2;

API cuStreamBeginCapture_v2(EmulatedStream *stream, int32_t mode) {
  NEEDS_STREAM(stream)
  // The legacy stream can not be captured.
  if (!stream || stream->graph || mode < 0 || mode > kRelaxed) return kInvalidValue;
  std::lock_guard<std::recursive_mutex> guard(lock);
  stream->graph = std::make_unique<EmulatedGraph>();
  stream->is_invalid = false;
  strict_captures += mode != kRelaxed;
  return kSuccess;
}
API cuStreamEndCapture(EmulatedStream *stream, EmulatedGraph **graph) {
  NEEDS_STREAM(stream)
  if (!stream || !stream->graph || !graph) return kInvalidValue;
  std::lock_guard<std::recursive_mutex> guard(lock);
  strict_captures = 0;
  *graph = stream->graph.release();
  if (stream->is_invalid) {
    delete *graph;
    *graph = nullptr;
    return kCaptureInvalidated;
  }
  born(*graph);
  return kSuccess;
}
API cuGraphInstantiateWithFlags(EmulatedGraph **executable, EmulatedGraph *graph, uint64_t flags) {
  NEEDS_CONTEXT
  if (!executable || flags) return kInvalidValue;
  if (!is_live(graph)) return kInvalidHandle;
  *executable = new EmulatedGraph(*graph);
  born(*executable);
  return kSuccess;
}
API cuGraphLaunch(EmulatedGraph *executable, EmulatedStream *stream) {
  NEEDS_STREAM(stream)
  if (!is_live(executable)) return kInvalidHandle;
  for (const Work &node : executable->nodes)
    if (int32_t error = submit(stream, node)) return error;
  return kSuccess;
}
API cuGraphDestroy(EmulatedGraph *graph) {
  NEEDS_CONTEXT
  if (!died(graph)) return kInvalidHandle;
  delete graph;
  return kSuccess;
}
API cuGraphExecDestroy(EmulatedGraph *executable) { return cuGraphDestroy(executable); }
