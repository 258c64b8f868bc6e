// The arithmetic behind the look-alike of cuSOLVER: short and slow.
#pragma once
#include <complex>
#include <stdint.h>
#include <vector>

namespace st_emulator {

typedef std::complex<double> SolverNumber;
/// By columns.
struct SolverMatrix {
  int64_t rows, columns;
  std::vector<SolverNumber> numbers;
  SolverMatrix(int64_t m, int64_t n) : rows(m), columns(n), numbers((size_t)(m * n)) {}
  SolverNumber &operator()(int64_t i, int64_t j) { return numbers[(size_t)(j * rows + i)]; }
  const SolverNumber &operator()(int64_t i, int64_t j) const { return numbers[(size_t)(j * rows + i)]; }
};

/// R above, reflectors below, their factors in tau, as LAPACK packs them.
void factor_qr(SolverMatrix &a, SolverMatrix &tau);
/// Eigenvalues of a Hermitian matrix, ascending, and its eigenvectors in its place. False if there are numbers that are not finite.
bool find_eigenvalues(SolverMatrix &a, SolverMatrix &w);
/// Singular values, descending, of a matrix with as many rows as columns or more; as many left vectors as u has columns, all right ones. False as before.
bool find_singular_values(const SolverMatrix &a, SolverMatrix &s, SolverMatrix &u, SolverMatrix &vh);

}  // namespace st_emulator
