#include "block.h"
#include <algorithm>
#include <stdio.h>
#include <stdlib.h>

namespace st_emulator {

thread_local const ThreadState *current __attribute__((tls_model("initial-exec"))) = nullptr;
thread_local const LaunchState *launch __attribute__((tls_model("initial-exec"))) = nullptr;
thread_local Block *running_block = nullptr;

constexpr size_t kFence = 64;
constexpr unsigned char kPoison = 0xff, kFenceByte = 0xfd;

void barrier(const char *where) { running_block->wait_at_barrier(where); }
Rendezvous *meet(uint32_t mask, const void *value, size_t bytes, const char *where) { return running_block->meet(mask, value, bytes, where); }
const void *value_of(const Rendezvous *r, uint32_t lane) { return r->value[lane]; }
uint32_t lanes_of(const Rendezvous *r) { return r->mask; }
void leave(Rendezvous *r) { running_block->leave(r); }
void *shared_memory(const void *key, size_t bytes, const char *name) { return running_block->shared_memory(key, bytes, name); }
void copy_later(void *to, const void *from, uint32_t bytes, uint32_t filled) { running_block->copy_later(to, from, bytes, filled); }
void commit_copies() { running_block->commit_copies(); }
void wait_for_copies(uint32_t groups_left) { running_block->wait_for_copies(groups_left); }
void fault(const char *text) { running_block->stop(text); }

void order_by(const Schedule &schedule, Shuffler &shuffler, std::vector<uint32_t> &items) {
  const uint32_t n = (uint32_t)items.size();
  for (uint32_t k = 0; k < n; ++k) items[k] = schedule.kind == Schedule::reverse ? n - 1 - k : k;
  if (schedule.kind == Schedule::shuffled) shuffler.shuffle(items);
}

bool Block::run(const Kernel &k, const void *a, const LaunchState &l, Coordinates index, uint32_t dynamic_shared, const Schedule &s, Shuffler &random) {
  (void)dynamic_shared;
  kernel = &k;
  arguments = a;
  schedule = &s;
  shuffler = &random;
  launch = &l;
  running_block = this;
  const uint32_t x = l.block_size.x, y = l.block_size.y, n = x * y * l.block_size.z;
  threads.resize(n);
  for (uint32_t i = 0; i < n; ++i) threads[i] = {{{i % x, i / x % y, i / (x * y)}, index, i}, fresh, nullptr, nullptr, {}, 0};
  open.assign((n + 31) / 32, {});
  warps.resize(open.size());
  for (Shared &m : shared) free(m.memory);
  shared.clear();
  alive = n;
  waiting = 0;
  stopped = false;
  fault.clear();
  while (alive && !stopped) {
    progressed = false;
    order_by(s, random, warps);
    for (size_t w = 0; w < warps.size() && !stopped; ++w) run_warp(warps[w]);
    if (stopped) break;
    if (alive && waiting == alive) {
      if (alive != n) { report_stuck(); break; }
      const char *where = threads[0].where;
      for (Thread &t : threads)
        if (strcmp(t.where, where) != 0) { report_stuck(); break; }
      if (stopped) break;
      for (Thread &t : threads) t.status = ready;
      waiting = 0;
      progressed = true;
    }
    if (!progressed && alive) report_stuck();
  }
  if (!stopped) check_shared();
  // Stacks of threads that will not go on.
  for (Thread &t : threads)
    if (t.status != done && t.fiber) give_fiber(t.fiber);
  for (auto &meetings : open)
    for (Rendezvous *r : meetings) spare.push_back(r);
  return !stopped;
}

/// Lets the threads of a warp go on until all of them wait at a barrier or have ended.
void Block::run_warp(uint32_t warp) {
  const uint32_t begin = warp * 32, count = std::min<uint32_t>(32, (uint32_t)threads.size() - begin);
  for (bool again = true; again && !stopped;) {
    again = false;
    lanes.resize(count);
    order_by(*schedule, *shuffler, lanes);
    starting.clear();
    for (size_t k = lanes.size(); k-- > 0;)
      if (threads[begin + lanes[k]].status == fresh) starting.push_back(begin + lanes[k]);
    // One fiber starts thread after thread, as long as they end without waiting.
    while (!starting.empty() && !stopped) {
      again = true;
      resume(take_fiber(enter));
    }
    for (uint32_t k = 0; k < count && !stopped; ++k) {
      Thread &t = threads[begin + lanes[k]];
      if (t.status != ready) continue;
      again = true;
      running = &t;
      current = &t.state;
      resume(t.fiber);
    }
    progressed |= again;
  }
}
void Block::enter() {
  Block *b = running_block;
  while (!b->starting.empty()) {
    Thread *t = &b->threads[b->starting.back()];
    b->starting.pop_back();
    b->running = t;
    current = &t->state;
    t->status = ready;
    b->kernel->run(b->arguments);
    t = b->running;
    if (!t->copies.empty()) b->stop("a thread leaves the kernel without having waited for its background copies");
    t->status = done;
    t->fiber = nullptr;
    b->alive--;
  }
  b->finished = b->fiber;
  void *unused;
  st_emulator_switch(&unused, b->scheduler);
  abort();
}
void Block::resume(Fiber *f) {
  fiber = f;
  st_emulator_switch(&scheduler, f->position);
  if (finished) give_fiber(finished);
  finished = nullptr;
}
void Block::park(Status status, const char *where) {
  Thread *t = running;
  t->status = status;
  t->where = where;
  t->fiber = fiber;
  st_emulator_switch(&fiber->position, scheduler);
}
void Block::stop(const std::string &text) {
  const ThreadState &t = *current;
  char place[160];
  snprintf(place, sizeof place, " (block %u,%u,%u thread %u,%u,%u)", t.block.x, t.block.y, t.block.z, t.thread.x, t.thread.y, t.thread.z);
  fault = std::string("kernel ") + kernel->symbol + ": " + text + place;
  stopped = true;
  park(at_barrier, "fault");
  abort();
}

void Block::wait_at_barrier(const char *where) {
  waiting++;
  park(at_barrier, where);
}
Rendezvous *Block::meet(uint32_t mask, const void *value, size_t bytes, const char *where) {
  const uint32_t lane = running->state.linear & 31, warp = running->state.linear >> 5, begin = warp * 32, in_warp = std::min<uint32_t>(32, (uint32_t)threads.size() - begin);
  mask &= in_warp == 32 ? 0xffffffffu : (1u << in_warp) - 1;
  if (!(mask >> lane & 1)) stop(std::string("a lane calls a warp operation without being in its mask, at ") + where);
  Rendezvous *r = nullptr;
  for (Rendezvous *o : open[warp])
    if (o->mask == mask && !(o->arrived >> lane & 1) && strcmp(o->where, where) == 0) { r = o; break; }
  if (!r) {
    if (spare.empty()) r = new Rendezvous;
    else {
      r = spare.back();
      spare.pop_back();
    }
    r->mask = mask;
    r->arrived = 0;
    r->remaining = (uint32_t)__builtin_popcount(mask);
    r->where = where;
    open[warp].push_back(r);
  }
  memcpy(r->value[lane], value, bytes);
  r->arrived |= 1u << lane;
  if (r->arrived != mask) {
    park(at_meeting, where);
    return r;
  }
  open[warp].erase(std::find(open[warp].begin(), open[warp].end(), r));
  for (uint32_t l = 0; l < 32; ++l)
    if (l != lane && mask >> l & 1) threads[begin + l].status = ready;
  return r;
}
void Block::leave(Rendezvous *r) {
  if (--r->remaining == 0) spare.push_back(r);
}

void *Block::shared_memory(const void *key, size_t bytes, const char *name) {
  for (Shared &m : shared)
    if (m.key == key) return m.memory + kFence;
  Shared m = {key, nullptr, bytes, (bytes + 2 * kFence + 63) & ~(size_t)63, name};
  size_t total = m.capacity;
  for (const Shared &other : shared) total += other.capacity;
  if (total > (48 << 10) + (shared.size() + 1) * (2 * kFence + 64)) stop("more than 48 KiB of shared memory");
  m.memory = (char *)aligned_alloc(64, m.capacity);
  memset(m.memory, kFenceByte, m.capacity);
  memset(m.memory + kFence, kPoison, bytes);
  shared.push_back(m);
  return m.memory + kFence;
}
void Block::check_shared() {
  for (const Shared &m : shared) {
    bool whole = true;
    for (size_t k = 0; k < kFence; ++k) whole &= (unsigned char)m.memory[k] == kFenceByte;
    for (size_t k = kFence + m.bytes; k < m.capacity; ++k) whole &= (unsigned char)m.memory[k] == kFenceByte;
    if (whole) continue;
    fault = std::string("kernel ") + kernel->symbol + ": a write outside of shared array " + m.name;
    stopped = true;
    return;
  }
}

void Block::copy_later(void *to, const void *from, uint32_t bytes, uint32_t filled) {
  if ((uintptr_t)to % bytes || (filled && (uintptr_t)from % bytes)) stop("a background copy between addresses that are not aligned to its size");
  if (filled > bytes) stop("a background copy of more bytes than it has");
  const bool inside = std::any_of(shared.begin(), shared.end(), [&](const Shared &m) { return (char *)to >= m.memory + kFence && (char *)to + bytes <= m.memory + kFence + m.bytes; });
  if (!inside) stop("a background copy to what is not shared memory");
  memset(to, kPoison, bytes);
  running->copies.push_back({to, from, bytes, filled, running->group});
}
void Block::commit_copies() { running->group++; }
void Block::wait_for_copies(uint32_t groups_left) {
  std::vector<Copy> later;
  for (const Copy &c : running->copies) {
    if (c.group + groups_left >= running->group) {
      later.push_back(c);
      continue;
    }
    memcpy(c.to, c.from, c.filled);
    memset((char *)c.to + c.filled, 0, c.bytes - c.filled);
  }
  running->copies.swap(later);
}

/// Nothing can go on: says who waits where.
void Block::report_stuck() {
  stopped = true;
  bool left = false, barriers = true;
  const char *one = nullptr, *other = nullptr;
  for (const Thread &t : threads) {
    left |= t.status == done;
    if (t.status == done) continue;
    barriers &= t.status == at_barrier;
    if (!one) one = t.where;
    else if (strcmp(one, t.where) != 0 && !other) other = t.where;
  }
  fault = std::string("kernel ") + kernel->symbol + ": ";
  if (barriers && left) fault += "threads have left the kernel while others wait at a barrier";
  else if (barriers) fault += "threads of one block wait at different barriers";
  else fault += "threads wait for each other";
  int shown = 0;
  for (const Thread &t : threads) {
    if (t.status == done || shown == 4) continue;
    if (shown && t.where == (shown == 1 ? one : other)) continue;
    char line[64];
    snprintf(line, sizeof line, "; thread %u waits (%s) at ", t.state.linear, t.status == at_barrier ? "barrier" : "warp");
    fault += line;
    fault += t.where;
    ++shown;
    if (!other) break;
  }
}

}  // namespace st_emulator
