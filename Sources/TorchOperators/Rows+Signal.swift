// Rows: window functions.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let signal: [OperatorRow] = windows + olderWindows

    private static let windows: [OperatorRow] = [
        window("bartlett") { n, sym, t in SignalWindow.bartlett(n, sym: sym, dtype: t) },
        window("blackman") { n, sym, t in SignalWindow.blackman(n, sym: sym, dtype: t) },
        window("cosine") { n, sym, t in SignalWindow.cosine(n, sym: sym, dtype: t) },
        window("hamming") { n, sym, t in SignalWindow.hamming(n, sym: sym, dtype: t) },
        window("hann") { n, sym, t in SignalWindow.hann(n, sym: sym, dtype: t) },
        window("nuttall") { n, sym, t in SignalWindow.nuttall(n, sym: sym, dtype: t) },
        OperatorRow("signal.windows.exponential", "M, *, center=None, tau=1.0, sym=True, dtype=None, requires_grad=False") { a in
            try .tensor(SignalWindow.exponential(a.int("M"), center: a.optionalDouble("center"), tau: a.double("tau"), sym: a.bool("sym"), dtype: a.dtype()))
        },
        OperatorRow("signal.windows.gaussian", "M, *, std=1.0, sym=True, dtype=None, requires_grad=False") { a in
            try .tensor(SignalWindow.gaussian(a.int("M"), std: a.double("std"), sym: a.bool("sym"), dtype: a.dtype()))
        },
        OperatorRow("signal.windows.general_cosine", "M, *, a, sym=True, dtype=None, requires_grad=False") { a in
            guard a.value("a").items != nil else { throw a.mismatch("a", "a list of numbers") }
            return try .tensor(SignalWindow.generalCosine(a.int("M"), a: a.doubles("a"), sym: a.bool("sym"), dtype: a.dtype()))
        },
        OperatorRow("signal.windows.general_hamming", "M, *, alpha=0.54, sym=True, dtype=None, requires_grad=False") { a in
            try .tensor(SignalWindow.generalHamming(a.int("M"), alpha: a.double("alpha"), sym: a.bool("sym"), dtype: a.dtype()))
        },
        OperatorRow("signal.windows.kaiser", "M, *, beta=12.0, sym=True, dtype=None, requires_grad=False") { a in
            try .tensor(SignalWindow.kaiser(a.int("M"), beta: a.double("beta"), sym: a.bool("sym"), dtype: a.dtype()))
        },
    ]

    /// The functions that were there before `torch.signal.windows`, periodic unless told otherwise.
    private static let olderWindows: [OperatorRow] = [
        OperatorRow("bartlett_window", "window_length, periodic=True, *, dtype=None") { a in
            try .tensor(SignalWindow.bartlett(a.int("window_length"), sym: !a.bool("periodic"), dtype: a.dtype()))
        },
        OperatorRow("blackman_window", "window_length, periodic=True, *, dtype=None") { a in
            try .tensor(SignalWindow.blackman(a.int("window_length"), sym: !a.bool("periodic"), dtype: a.dtype()))
        },
        OperatorRow("hann_window", "window_length, periodic=True, *, dtype=None") { a in
            try .tensor(SignalWindow.hann(a.int("window_length"), sym: !a.bool("periodic"), dtype: a.dtype()))
        },
        OperatorRow("hamming_window", "window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None") { a in
            let coefficients = [try a.double("alpha"), try a.double("beta")]
            return try .tensor(SignalWindow.generalCosine(a.int("window_length"), a: coefficients, sym: !a.bool("periodic"), dtype: a.dtype()))
        },
        OperatorRow("kaiser_window", "window_length, periodic=True, beta=12.0, *, dtype=None") { a in
            try .tensor(SignalWindow.kaiser(a.int("window_length"), beta: a.double("beta"), sym: !a.bool("periodic"), dtype: a.dtype()))
        },
    ]

    private static func window(_ name: String, _ make: @escaping @Sendable (Int, Bool, DType?) -> Tensor) -> OperatorRow {
        OperatorRow("signal.windows.\(name)", "M, *, sym=True, dtype=None, requires_grad=False") { a in
            try .tensor(make(a.int("M"), a.bool("sym"), a.dtype()))
        }
    }
}
