// What is asked of streams.
#pragma once
#include <functional>
#include <stdint.h>

namespace st_emulator {

struct EmulatedStream;

/// Work that has been asked of a stream: does it now, or later, or notes it in the graph that the stream is captured into (see Note [Deferred streams]). It must own all that it needs.
int32_t submit(EmulatedStream *stream, std::function<int32_t()> work);
/// Does what this stream still has to do; an error while it is captured.
int32_t finish(EmulatedStream *stream);
/// Does what all streams still have to do, as calls do that wait for the device.
void finish_all();

}  // namespace st_emulator
