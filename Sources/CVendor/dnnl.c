// oneDNN: its functions, and a cache of primitives by shape.
//
// Note [oneDNN 2 and 3]
// The functions used here have the same shape in both versions but for two things. A memory descriptor is a struct of the caller's in version 2 and an object of
// the library's in version 3: both are used through a pointer here, and in version 2 the struct is only storage that the library fills. And version 2 fills an
// operation descriptor (again a struct that only the library reads), from which dnnl_primitive_desc_create makes the primitive's descriptor, where version 3 has
// one constructor per operation. The numbers of enum cases used here are the same in both.
#include "cv_dnnl.h"
#include "cv_internal.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *Handle;
typedef const void *MD;
typedef int64_t Sizes[12];
enum { kCpu = 1, kInOrder = 1, kUserScratchpad = 1, kForwardTraining = 64, kConvolutionAuto = 3, kTagAny = 1 };
enum { kQuerySource = 129, kQueryDiffSource = 130, kQueryWeights = 131, kQueryDiffWeights = 132, kQueryDestination = 133, kQueryDiffDestination = 134, kQueryScratchpad = 136 };
enum { kSource = 1, kDestination = 17, kWeights = 33, kBias = 41, kScratchpad = 80, kGradient = 128 };
typedef struct { int arg; Handle memory; } Argument;
typedef struct { int major, minor, patch; } Version;   // the leading fields

// Storage of a version 2 memory descriptor (it has 696 bytes) and operation descriptor (five of them and some).
typedef struct { MD pointer; _Alignas(16) char storage[1024]; } Descriptor;
typedef struct { _Alignas(16) char storage[16384]; } OperationDescriptor;

static int major;
static Handle engine, stream, attributes;

static int (*engine_create)(Handle *, int, size_t);
static int (*stream_create)(Handle *, Handle, unsigned);
static int (*stream_wait)(Handle);
static int (*attr_create)(Handle *);
static int (*attr_set_scratchpad_mode)(Handle, int);
static int (*pd_destroy)(Handle);
static MD (*pd_query_md)(Handle, int, int);
static int (*primitive_create)(Handle *, Handle);
static int (*primitive_execute)(Handle, Handle, int, const Argument *);
static int (*primitive_destroy)(Handle);
static int (*md_equal)(MD, MD);
static size_t (*md_size)(MD);
static int (*memory_create)(Handle *, MD, Handle, void *);
static int (*memory_set_data)(Handle, void *);
static int (*memory_destroy)(Handle);
static int (*reorder_create)(Handle *, MD, Handle, MD, Handle, Handle);
// Version 2
static int (*md_init_by_strides2)(void *, int, const int64_t *, int, const int64_t *);
static int (*md_init_by_tag2)(void *, int, const int64_t *, int, int);
static int (*pd_create2)(Handle *, const void *, Handle, Handle, Handle);
static int (*convolution_forward2)(void *, int, int, MD, MD, MD, MD, const int64_t *, const int64_t *, const int64_t *, const int64_t *);
static int (*convolution_data2)(void *, int, MD, MD, MD, const int64_t *, const int64_t *, const int64_t *, const int64_t *);
static int (*convolution_weights2)(void *, int, MD, MD, MD, MD, const int64_t *, const int64_t *, const int64_t *, const int64_t *);
static int (*matmul2)(void *, MD, MD, MD, MD);
// Version 3
static int (*md_create_with_strides3)(MD *, int, const int64_t *, int, const int64_t *);
static int (*md_create_with_tag3)(MD *, int, const int64_t *, int, int);
static int (*md_clone3)(MD *, MD);
static int (*md_destroy3)(MD);
static int (*convolution_forward3)(Handle *, Handle, int, int, MD, MD, MD, MD, const int64_t *, const int64_t *, const int64_t *, const int64_t *, Handle);
static int (*convolution_data3)(Handle *, Handle, int, MD, MD, MD, const int64_t *, const int64_t *, const int64_t *, const int64_t *, Handle, Handle);
static int (*convolution_weights3)(Handle *, Handle, int, MD, MD, MD, MD, const int64_t *, const int64_t *, const int64_t *, const int64_t *, Handle, Handle);
static int (*matmul3)(Handle *, Handle, MD, MD, MD, MD, Handle);

typedef struct { const char *name; void *address; } Symbol;
static bool fill(const Symbol *symbols, int count) {
  for (int i = 0; i < count; ++i) {
    void *f = dlsym(cv_handles[CVLibrary_dnnl], symbols[i].name);
    if (!f) { cv_reject(CVLibrary_dnnl, "the library lacks a function", symbols[i].name); return false; }
    *(void **)symbols[i].address = f;
  }
  return true;
}

static bool open_primitives(void) {
  const Symbol common[] = {
    {"dnnl_engine_create", &engine_create}, {"dnnl_stream_create", &stream_create}, {"dnnl_stream_wait", &stream_wait}, {"dnnl_primitive_attr_create", &attr_create},
    {"dnnl_primitive_attr_set_scratchpad_mode", &attr_set_scratchpad_mode}, {"dnnl_primitive_desc_destroy", &pd_destroy},
    {"dnnl_primitive_desc_query_md", &pd_query_md}, {"dnnl_primitive_create", &primitive_create}, {"dnnl_primitive_execute", &primitive_execute},
    {"dnnl_primitive_destroy", &primitive_destroy}, {"dnnl_memory_desc_equal", &md_equal}, {"dnnl_memory_desc_get_size", &md_size},
    {"dnnl_memory_create", &memory_create}, {"dnnl_memory_set_data_handle", &memory_set_data}, {"dnnl_memory_destroy", &memory_destroy},
    {"dnnl_reorder_primitive_desc_create", &reorder_create}};
  const Symbol two[] = {
    {"dnnl_memory_desc_init_by_strides", &md_init_by_strides2}, {"dnnl_memory_desc_init_by_tag", &md_init_by_tag2}, {"dnnl_primitive_desc_create", &pd_create2},
    {"dnnl_dilated_convolution_forward_desc_init", &convolution_forward2}, {"dnnl_dilated_convolution_backward_data_desc_init", &convolution_data2},
    {"dnnl_dilated_convolution_backward_weights_desc_init", &convolution_weights2}, {"dnnl_matmul_desc_init", &matmul2}};
  const Symbol three[] = {
    {"dnnl_memory_desc_create_with_strides", &md_create_with_strides3}, {"dnnl_memory_desc_create_with_tag", &md_create_with_tag3},
    {"dnnl_memory_desc_clone", &md_clone3}, {"dnnl_memory_desc_destroy", &md_destroy3},
    {"dnnl_convolution_forward_primitive_desc_create", &convolution_forward3}, {"dnnl_convolution_backward_data_primitive_desc_create", &convolution_data3},
    {"dnnl_convolution_backward_weights_primitive_desc_create", &convolution_weights3}, {"dnnl_matmul_primitive_desc_create", &matmul3}};
  if (!fill(common, sizeof common / sizeof *common)) return false;
  if (major == 2 ? !fill(two, sizeof two / sizeof *two) : !fill(three, sizeof three / sizeof *three)) return false;
  if (engine_create(&engine, kCpu, 0) || stream_create(&stream, engine, kInOrder) || attr_create(&attributes) || attr_set_scratchpad_mode(attributes, kUserScratchpad)) {
    cv_reject(CVLibrary_dnnl, "no CPU engine could be made", NULL);
    return false;
  }
  return true;
}

void cv_open_dnnl(void) {
#if defined(__APPLE__)
  static const char *const paths[] = {"libdnnl.3.dylib", "/opt/homebrew/lib/libdnnl.3.dylib", "libdnnl.2.dylib", NULL};
#else
  static const char *const paths[] = {"libdnnl.so.3", "libdnnl.so.2", NULL};
#endif
  if (!cv_open_first(CVLibrary_dnnl, paths)) return;
  static const char *const names[] = {"dnnl_version"};
  void *f[1];
  if (!cv_symbols(CVLibrary_dnnl, 1, names, f)) return;
  const Version *v = ((const Version *(*)(void))f[0])();
  major = v->major;
  if (major != 3 && !(major == 2 && v->minor >= 1)) {
    char text[32];
    snprintf(text, sizeof text, "%d.%d", v->major, v->minor);
    cv_reject(CVLibrary_dnnl, "versions from 2.1 and 3 are known, this is", text);
    return;
  }
  cv_note_path(CVLibrary_dnnl, f[0]);
  snprintf(cv_libraries[CVLibrary_dnnl].version, sizeof cv_libraries[CVLibrary_dnnl].version, "%d.%d.%d", v->major, v->minor, v->patch);
  cv_libraries[CVLibrary_dnnl].found = open_primitives();
}

bool cv_dnnl_available(void) { cv_open(); return cv_libraries[CVLibrary_dnnl].found; }

// MARK: Descriptors

static bool describe(Descriptor *d, int rank, const int64_t *sizes, int element, const int64_t *strides) {
  if (major == 2) {
    d->pointer = d->storage;
    return !(strides ? md_init_by_strides2(d->storage, rank, sizes, element, strides) : md_init_by_tag2(d->storage, rank, sizes, element, kTagAny));
  }
  d->pointer = NULL;
  return !(strides ? md_create_with_strides3(&d->pointer, rank, sizes, element, strides) : md_create_with_tag3(&d->pointer, rank, sizes, element, kTagAny));
}
static void forget(Descriptor *d) { if (major == 3 && d->pointer) md_destroy3(d->pointer); d->pointer = NULL; }

/// Row-major strides, or with dimension 1 innermost.
static void dense(int rank, const int64_t *sizes, bool channels_last, int64_t *strides) {
  int64_t n = 1;
  if (channels_last) { strides[1] = 1; n = sizes[1]; }
  for (int i = rank - 1; i >= 0; --i) {
    if (channels_last && i == 1) continue;
    strides[i] = n;
    n *= sizes[i];
  }
}

// MARK: Operations

enum { kMostOperands = 4 };
typedef struct {
  int argument;
  bool output, reordered, used;
  Descriptor user, wanted;    // as the caller has it; as the primitive wants it (the same where not reordered)
  Handle reorder;
  size_t offset;              // of the reordered copy in the workspace
} Slot;
typedef struct {
  Handle user[kMostOperands], wanted[kMostOperands], scratchpad;
} Memories;

typedef struct { int64_t v[40]; } Key;

struct cv_dnnl_operation {
  Key key;
  uint64_t hash;
  int references;             // the cache's and those handed out
  bool failed;                // no such primitive: remembered so that it is not tried again
  Handle primitive;
  int slots;
  Slot slot[kMostOperands];
  Descriptor scratchpad;
  size_t scratchpad_bytes, scratchpad_offset, workspace;
  Memories *spare;            // memory objects of one run, taken by exchange
  cv_dnnl_operation *next;
};

static void free_memories(const cv_dnnl_operation *o, Memories *m) {
  if (!m) return;
  for (int i = 0; i < o->slots; ++i) {
    if (m->user[i]) memory_destroy(m->user[i]);
    if (m->wanted[i]) memory_destroy(m->wanted[i]);
  }
  if (m->scratchpad) memory_destroy(m->scratchpad);
  free(m);
}
static Memories *make_memories(const cv_dnnl_operation *o) {
  Memories *m = calloc(1, sizeof *m);
  bool ok = m != NULL;
  for (int i = 0; ok && i < o->slots; ++i) {
    if (!o->slot[i].used) continue;
    ok = !memory_create(&m->user[i], o->slot[i].user.pointer, engine, NULL);
    if (ok && o->slot[i].reordered) ok = !memory_create(&m->wanted[i], o->slot[i].wanted.pointer, engine, NULL);
  }
  if (ok && o->scratchpad_bytes) ok = !memory_create(&m->scratchpad, o->scratchpad.pointer, engine, NULL);
  if (!ok) { free_memories(o, m); return NULL; }
  return m;
}
static void destroy(cv_dnnl_operation *o) {
  free_memories(o, o->spare);
  if (o->primitive) primitive_destroy(o->primitive);
  for (int i = 0; i < o->slots; ++i) {
    if (o->slot[i].reorder) primitive_destroy(o->slot[i].reorder);
    forget(&o->slot[i].user);
    forget(&o->slot[i].wanted);
  }
  forget(&o->scratchpad);
  free(o);
}

static bool keep_descriptor(Descriptor *d, MD queried) {
  if (major == 3) return !md_clone3(&d->pointer, queried);
  // md_size is the size of the data; the struct itself is copied whole, which its owner's allocation covers: descriptors live inside larger objects in version 2.
  memcpy(d->storage, queried, 696);
  d->pointer = d->storage;
  return true;
}

/// Takes the descriptor `pd`, makes the primitive and the reorders that its layouts call for. `queries[i]` asks for slot i's layout.
static bool finish(cv_dnnl_operation *o, Handle pd, const int *queries) {
  bool ok = !primitive_create(&o->primitive, pd);
  size_t at = 0;
  for (int i = 0; ok && i < o->slots; ++i) {
    Slot *s = &o->slot[i];
    if (!s->used) continue;
    MD wanted = queries[i] ? pd_query_md(pd, queries[i], queries[i] == kQueryWeights && s->argument == kBias ? 1 : queries[i] == kQueryDiffWeights && s->argument == (kBias | kGradient) ? 1 : 0) : NULL;
    if (!wanted) { ok = false; break; }
    s->reordered = !md_equal(wanted, s->user.pointer);
    if (!s->reordered) continue;
    ok = keep_descriptor(&s->wanted, wanted);
    Handle reorder_pd = NULL;
    ok = ok && !(s->output ? reorder_create(&reorder_pd, s->wanted.pointer, engine, s->user.pointer, engine, attributes)
                           : reorder_create(&reorder_pd, s->user.pointer, engine, s->wanted.pointer, engine, attributes));
    ok = ok && !primitive_create(&s->reorder, reorder_pd);
    if (ok) {
      s->offset = at;
      at += (md_size(s->wanted.pointer) + 63) & ~(size_t)63;
      // A reorder may want scratch memory of its own: it shares the primitive's.
      MD scratch = pd_query_md(reorder_pd, kQueryScratchpad, 0);
      if (scratch && md_size(scratch)) ok = false;   // none of the plain float32 layouts does; such a shape is left to the other path
    }
    if (reorder_pd) pd_destroy(reorder_pd);
  }
  MD scratchpad = ok ? pd_query_md(pd, kQueryScratchpad, 0) : NULL;
  if (scratchpad && (o->scratchpad_bytes = md_size(scratchpad)) > 0) {
    ok = keep_descriptor(&o->scratchpad, scratchpad);
    o->scratchpad_offset = at;
    at += (o->scratchpad_bytes + 63) & ~(size_t)63;
  }
  o->workspace = at;
  pd_destroy(pd);
  return ok;
}

static bool slot(cv_dnnl_operation *o, int argument, bool output, int rank, const int64_t *sizes, int element, const int64_t *strides) {
  Slot *s = &o->slot[o->slots++];
  s->argument = argument;
  s->output = output;
  s->used = true;
  return describe(&s->user, rank, sizes, element, strides);
}

static bool build_convolution(cv_dnnl_operation *o, CVConvolutionKind kind, const cv_convolution *c, bool bias) {
  const int r = c->rank, grouped = c->groups > 1;
  Sizes x = {c->n, c->c}, y = {c->n, c->o}, w = {0}, x_strides, y_strides, w_strides;
  const Sizes b = {c->o}, b_strides = {1};
  int wr = 0;
  if (grouped) w[wr++] = c->groups;
  w[wr++] = c->o / c->groups;
  w[wr++] = c->c / c->groups;
  Sizes stride, dilation, pad;
  for (int i = 0; i < r; ++i) {
    x[2 + i] = c->in[i];
    y[2 + i] = c->out[i];
    w[wr++] = c->kernel[i];
    stride[i] = c->stride[i];
    dilation[i] = c->dilation[i] - 1;
    pad[i] = c->pad[i];
  }
  dense(r + 2, x, c->x_channels_last, x_strides);
  dense(r + 2, y, c->y_channels_last, y_strides);
  dense(wr, w, false, w_strides);
  enum { f32 = CVElement_f32 };
  const int g = kGradient;
  bool ok = true;
  switch (kind) {
  case CVConvolutionKind_forward:
    ok = slot(o, kSource, false, r + 2, x, f32, x_strides) && slot(o, kWeights, false, wr, w, f32, w_strides) && slot(o, kDestination, true, r + 2, y, f32, y_strides);
    break;
  case CVConvolutionKind_backwardData:
    ok = slot(o, kDestination | g, false, r + 2, y, f32, y_strides) && slot(o, kWeights, false, wr, w, f32, w_strides) && slot(o, kSource | g, true, r + 2, x, f32, x_strides);
    break;
  case CVConvolutionKind_backwardWeight:
    ok = slot(o, kSource, false, r + 2, x, f32, x_strides) && slot(o, kDestination | g, false, r + 2, y, f32, y_strides) && slot(o, kWeights | g, true, wr, w, f32, w_strides);
    break;
  }
  if (ok && bias) ok = slot(o, kind == CVConvolutionKind_forward ? kBias : kBias | g, kind != CVConvolutionKind_forward, 1, b, f32, b_strides);
  // Layouts: free where the caller's is plain (the primitive's own choice and a reorder beat plain layouts), the caller's where channels come last.
  Descriptor ax = {0}, ay = {0}, aw = {0}, ab = {0};
  ok = ok && describe(&ax, r + 2, x, f32, c->x_channels_last ? x_strides : NULL) && describe(&ay, r + 2, y, f32, c->y_channels_last ? y_strides : NULL) &&
       describe(&aw, wr, w, f32, NULL) && describe(&ab, 1, b, f32, b_strides);
  Handle pd = NULL, hint = NULL;
  if (ok && major == 2) {
    static __thread OperationDescriptor d;
    ok = !convolution_forward2(&d, kForwardTraining, kConvolutionAuto, ax.pointer, aw.pointer, bias && kind == CVConvolutionKind_forward ? ab.pointer : NULL, ay.pointer, stride, dilation, pad, pad) &&
         !pd_create2(&hint, &d, attributes, engine, NULL);
    if (kind == CVConvolutionKind_forward) { pd = hint; hint = NULL; }
    else if (ok && kind == CVConvolutionKind_backwardData)
      ok = !convolution_data2(&d, kConvolutionAuto, ax.pointer, aw.pointer, ay.pointer, stride, dilation, pad, pad) && !pd_create2(&pd, &d, attributes, engine, hint);
    else if (ok)
      ok = !convolution_weights2(&d, kConvolutionAuto, ax.pointer, aw.pointer, bias ? ab.pointer : NULL, ay.pointer, stride, dilation, pad, pad) && !pd_create2(&pd, &d, attributes, engine, hint);
  } else if (ok) {
    ok = !convolution_forward3(&hint, engine, kForwardTraining, kConvolutionAuto, ax.pointer, aw.pointer, bias && kind == CVConvolutionKind_forward ? ab.pointer : NULL, ay.pointer, stride, dilation, pad, pad, attributes);
    if (kind == CVConvolutionKind_forward) { pd = hint; hint = NULL; }
    else if (ok && kind == CVConvolutionKind_backwardData)
      ok = !convolution_data3(&pd, engine, kConvolutionAuto, ax.pointer, aw.pointer, ay.pointer, stride, dilation, pad, pad, hint, attributes);
    else if (ok)
      ok = !convolution_weights3(&pd, engine, kConvolutionAuto, ax.pointer, aw.pointer, bias ? ab.pointer : NULL, ay.pointer, stride, dilation, pad, pad, hint, attributes);
  }
  if (hint) pd_destroy(hint);
  forget(&ax); forget(&ay); forget(&aw); forget(&ab);
  if (!ok || !pd) return false;
  static const int queries[3][4] = {
    {kQuerySource, kQueryWeights, kQueryDestination, kQueryWeights},
    {kQueryDiffDestination, kQueryWeights, kQueryDiffSource, 0},
    {kQuerySource, kQueryDiffDestination, kQueryDiffWeights, kQueryDiffWeights}};
  return finish(o, pd, queries[kind]);
}

static bool build_matmul(cv_dnnl_operation *o, const Key *k) {
  const int64_t *v = k->v;
  const int element = (int)v[1], rank = v[2] > 1 ? 3 : 2, skip = 3 - rank;
  const int64_t sa[3] = {v[2], v[3], v[5]}, sb[3] = {v[2], v[5], v[4]}, sc[3] = {v[2], v[3], v[4]};
  if (!slot(o, kSource, false, rank, sa + skip, element, v + 6 + skip) || !slot(o, kWeights, false, rank, sb + skip, element, v + 9 + skip) ||
      !slot(o, kDestination, true, rank, sc + skip, element, v + 12 + skip)) return false;
  Handle pd = NULL;
  MD a = o->slot[0].user.pointer, b = o->slot[1].user.pointer, c = o->slot[2].user.pointer;
  if (major == 2) {
    static __thread OperationDescriptor d;
    if (matmul2(&d, a, b, NULL, c) || pd_create2(&pd, &d, attributes, engine, NULL)) return false;
  } else if (matmul3(&pd, engine, a, b, NULL, c, attributes)) return false;
  static const int queries[] = {kQuerySource, kQueryWeights, kQueryDestination};
  return finish(o, pd, queries);
}

// MARK: Cache

enum { kBuckets = 1024, kMostCached = 2048 };
static cv_dnnl_operation *buckets[kBuckets];
static int cached;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t hash_of(const Key *k) {
  uint64_t h = 0x9E3779B97F4A7C15u;
  for (int i = 0; i < 40; ++i) h = (h ^ (uint64_t)k->v[i]) * 0xFF51AFD7ED558CCDu, h ^= h >> 32;
  return h;
}
void cv_dnnl_release(cv_dnnl_operation *o) {
  if (o && __atomic_sub_fetch(&o->references, 1, __ATOMIC_ACQ_REL) == 0) destroy(o);
}
static cv_dnnl_operation *find(const Key *key, uint64_t hash) {
  for (cv_dnnl_operation *o = buckets[hash % kBuckets]; o; o = o->next)
    if (o->hash == hash && !memcmp(&o->key, key, sizeof *key)) { __atomic_add_fetch(&o->references, 1, __ATOMIC_RELAXED); return o; }
  return NULL;
}
/// Last operation of this thread: layers repeat.
static cv_dnnl_operation *look_up(const Key *key, const cv_convolution *c, bool bias) {
  const uint64_t hash = hash_of(key);
  pthread_mutex_lock(&lock);
  cv_dnnl_operation *o = find(key, hash);
  pthread_mutex_unlock(&lock);
  if (!o) {
    o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->key = *key;
    o->hash = hash;
    o->references = 2;
    o->failed = !(key->v[0] == 100 ? build_matmul(o, key) : build_convolution(o, (CVConvolutionKind)key->v[0], c, bias));
    pthread_mutex_lock(&lock);
    cv_dnnl_operation *other = find(key, hash), *evicted = NULL;
    if (!other) {
      if (cached >= kMostCached) {   // shapes that never repeat: start over
        for (int i = 0; i < kBuckets; ++i) {
          for (cv_dnnl_operation *p = buckets[i], *n; p; p = n) { n = p->next; p->next = evicted; evicted = p; }
          buckets[i] = NULL;
        }
        cached = 0;
      }
      o->next = buckets[hash % kBuckets];
      buckets[hash % kBuckets] = o;
      ++cached;
    }
    pthread_mutex_unlock(&lock);
    for (cv_dnnl_operation *n; evicted; evicted = n) { n = evicted->next; cv_dnnl_release(evicted); }
    if (other) { destroy(o); o = other; }   // another thread was first
  }
  if (o->failed) { cv_dnnl_release(o); return NULL; }
  return o;
}

cv_dnnl_operation *cv_dnnl_convolution(CVConvolutionKind kind, const cv_convolution *c, bool bias, int32_t threads) {
  cv_open();
  if (!cv_libraries[CVLibrary_dnnl].found) return NULL;
  Key key = {{kind, c->rank, c->x_channels_last, c->y_channels_last, bias, threads, c->n, c->c, c->o, c->groups}};
  for (int i = 0; i < c->rank; ++i) {
    int64_t *p = key.v + 10 + 6 * i;
    p[0] = c->in[i], p[1] = c->out[i], p[2] = c->kernel[i], p[3] = c->stride[i], p[4] = c->pad[i], p[5] = c->dilation[i];
  }
  return look_up(&key, c, bias);
}
cv_dnnl_operation *cv_dnnl_matmul(CVElement element, int64_t batch, int64_t m, int64_t n, int64_t k, const int64_t a[3], const int64_t b[3], const int64_t c[3], int32_t threads) {
  cv_open();
  if (!cv_libraries[CVLibrary_dnnl].found) return NULL;
  Key key = {{100, element, batch, m, n, k, a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2], threads}};
  return look_up(&key, NULL, false);
}
size_t cv_dnnl_workspace(const cv_dnnl_operation *o) { return o->workspace; }

bool cv_dnnl_run(cv_dnnl_operation *o, void *const *operands, void *workspace) {
  Memories *m = __atomic_exchange_n(&o->spare, NULL, __ATOMIC_ACQUIRE);
  if (!m) m = make_memories(o);
  bool ok = m != NULL;
  Argument arguments[kMostOperands + 1];
  int count = 0;
  for (int i = 0; ok && i < o->slots; ++i) {
    const Slot *s = &o->slot[i];
    memory_set_data(m->user[i], operands[i]);
    Handle used = m->user[i];
    if (s->reordered) {
      memory_set_data(m->wanted[i], (char *)workspace + s->offset);
      used = m->wanted[i];
      if (!s->output) {
        const Argument pair[] = {{kSource, m->user[i]}, {kDestination, m->wanted[i]}};
        ok = !primitive_execute(s->reorder, stream, 2, pair);
      }
    }
    arguments[count++] = (Argument){s->argument, used};
  }
  if (ok && o->scratchpad_bytes) {
    memory_set_data(m->scratchpad, (char *)workspace + o->scratchpad_offset);
    arguments[count++] = (Argument){kScratchpad, m->scratchpad};
  }
  ok = ok && !primitive_execute(o->primitive, stream, count, arguments);
  for (int i = 0; ok && i < o->slots; ++i)
    if (o->slot[i].output && o->slot[i].reordered) {
      const Argument pair[] = {{kSource, m->wanted[i]}, {kDestination, m->user[i]}};
      ok = !primitive_execute(o->slot[i].reorder, stream, 2, pair);
    }
  if (m && (m = __atomic_exchange_n(&o->spare, m, __ATOMIC_ACQ_REL))) free_memories(o, m);
  cv_dnnl_release(o);
  return ok;
}
