// Faults that are planted must be found, and each says where. Their kernels are here too: no program of the contract has them.
#include "check.h"
#include "kernels.h"
#define ST_KERNEL_FILE "faulty.cu"

ST_KERNEL(faulty_reversed, st_run_args, 1024) {
  ST_SHARED(float, row, 256);
  row[threadIdx.x] = ((const float *)args.address[1])[threadIdx.x];
  __syncthreads();
  ((float *)args.address[0])[threadIdx.x] = row[blockDim.x - 1 - threadIdx.x];
}
/// The same, but the barrier is missing.
ST_KERNEL(faulty_unsynchronized, st_run_args, 1024) {
  ST_SHARED(float, row, 256);
  row[threadIdx.x] = ((const float *)args.address[1])[threadIdx.x];
  ((float *)args.address[0])[threadIdx.x] = row[blockDim.x - 1 - threadIdx.x];
}
/// Half of the threads leave before the barrier.
ST_KERNEL(faulty_left, st_run_args, 1024) {
  if (threadIdx.x >= 32) return;
  __syncthreads();
}
ST_KERNEL(faulty_divided, st_run_args, 1024) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
ST_KERNEL(faulty_past_the_end, st_run_args, 1024) { ((float *)args.address[0])[args.count] = 1.0f; }
ST_KERNEL(faulty_before, st_run_args, 1024) { ((float *)args.address[0])[-1] = 1.0f; }
ST_KERNEL(faulty_read, st_run_args, 1024) { ((float *)args.address[0])[0] = ((const float *)args.address[1])[args.count]; }
ST_KERNEL(faulty_nowhere, st_run_args, 1024) { *(float *)(args.address[2] + 16) = 1.0f; }
ST_KERNEL(faulty_past_shared, st_run_args, 1024) {
  ST_SHARED(float, row, 32);
  row[threadIdx.x + 1] = 0.0f;
}
/// A warp operation that half of the warp does not reach.
ST_KERNEL(faulty_shuffle, st_run_args, 1024) {
  float x = (float)threadIdx.x;
  if (threadIdx.x & 1) x = __shfl_xor_sync(0xffffffffu, x, 1);
  ((float *)args.address[0])[threadIdx.x] = x;
}
ST_KERNEL(faulty_sum, st_run_args, 1024) {
  float x = ((const float *)args.address[1])[threadIdx.x];
  for (int by = 16; by > 0; by /= 2) x += __shfl_xor_sync(0xffffffffu, x, by);
  ((float *)args.address[0])[threadIdx.x] = x;
}

extern "C" int32_t cuMemGetInfo_v2(size_t *, size_t *);

namespace st_emulator {

static void expect_fault(const char *symbol, uint32_t threads, const char *wanted, size_t count = 256) {
  Buffer out(count * sizeof(float)), in(256 * sizeof(float));
  st_run_args args = {};
  args.address[0] = out.address;
  args.address[1] = in.address;
  args.count = count;
  emulator_set("QUIET", "1");
  int32_t result = try_launch("faulty.cu", "", symbol, &args, {1, 1, 1}, {threads, 1, 1});
  emulator_set("QUIET", nullptr);
  std::string said = emulator_fault();
  size_t free_bytes, total;
  bool sticky = cuMemGetInfo_v2(&free_bytes, &total) == result;
  emulator_reset();
  if (result == 0) fail("%s was not found", symbol);
  if (said.find(wanted) == std::string::npos || said.find(symbol) == std::string::npos) fail("%s: the fault does not say \"%s\" but: %s", symbol, wanted, said.c_str());
  if (!sticky) fail("%s: the context stayed usable", symbol);
}

ST_CHECK(barrier_and_shared_memory) {
  std::vector<float> row(256);
  for (size_t k = 0; k < row.size(); ++k) row[k] = (float)k;
  Buffer out(row.size() * sizeof(float)), in(row);
  st_run_args args = {};
  args.address[0] = out.address;
  args.address[1] = in.address;
  launch_kernel("faulty.cu", "", "faulty_reversed", args, 1);
  std::vector<float> reversed = out.read<float>();
  for (size_t k = 0; k < row.size(); ++k)
    if (reversed[k] != row[255 - k]) fail("element %zu of the reversed row is %g", k, reversed[k]);
  launch_kernel("faulty.cu", "", "faulty_unsynchronized", args, 1);
  std::vector<float> wrong = out.read<float>();
  size_t differ = 0;
  for (size_t k = 0; k < row.size(); ++k) differ += wrong[k] != row[255 - k];
  if (differ == 0) fail("a missing barrier was not seen");
  digest.add(reversed);
}
ST_CHECK(warp_operations) {
  std::vector<float> row(64);
  for (size_t k = 0; k < row.size(); ++k) row[k] = (float)(k < 32 ? k : 100 + k);
  Buffer out(row.size() * sizeof(float)), in(row);
  st_run_args args = {};
  args.address[0] = out.address;
  args.address[1] = in.address;
  launch_kernel("faulty.cu", "", "faulty_sum", args, 1, 64);
  std::vector<float> sums = out.read<float>();
  for (size_t k = 0; k < 64; ++k)
    if (sums[k] != (k < 32 ? 496.0f : 4720.0f)) fail("lane %zu has the sum %g", k, sums[k]);
  digest.add(sums);
}
ST_CHECK(faults_are_found) {
  expect_fault("faulty_left", 64, "threads have left the kernel while others wait at a barrier");
  expect_fault("faulty_divided", 64, "threads of one block wait at different barriers");
  expect_fault("faulty_divided", 64, "check_faults.cpp:");
  expect_fault("faulty_past_the_end", 32, "an access 0 bytes past the end of an allocation of 1024 bytes (block 0,0,0 thread ");
  // Where the size is no multiple of the alignment, a write is seen after the launch.
  expect_fault("faulty_past_the_end", 32, "a write past the end of an allocation of 1000 bytes", 250);
  expect_fault("faulty_before", 32, "a write before an allocation of 1024 bytes");
  expect_fault("faulty_read", 32, "an access 0 bytes past the end of an allocation of 1024 bytes");
  expect_fault("faulty_nowhere", 32, "an access of 0x10, which is not allocated");
  expect_fault("faulty_past_shared", 32, "a write outside of shared array row");
  expect_fault("faulty_shuffle", 32, "threads wait for each other");
}

}  // namespace st_emulator
