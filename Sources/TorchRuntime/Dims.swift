// Sizes and strides: a small list of integers without heap allocation up to rank 8.

/// The sizes or strides of a tensor, outermost dimension first.
///
/// Held inline up to rank 8 because an `Array` costs 40 ns an operator; higher ranks spill to one.
@frozen
public struct Dims: Sendable, RandomAccessCollection, MutableCollection, ExpressibleByArrayLiteral {
    /// Ranks up to this need no heap.
    @inlinable public static var inlineCapacity: Int { 8 }

    public var count: Int
    @usableFromInline var inline: InlineArray<8, Int>
    @usableFromInline var spill: [Int]?

    /// `rank` copies of `value`.
    @inline(__always) @inlinable
    public init(rank: Int, repeating value: Int = 0) {
        count = rank
        inline = InlineArray(repeating: value)
        spill = rank <= 8 ? nil : [Int](repeating: value, count: rank)
    }

    @inlinable public init() { self.init(rank: 0) }

    public init(arrayLiteral elements: Int...) { self.init(elements) }

    @inlinable public init(_ elements: some Collection<Int>) {
        self.init(rank: elements.count)
        var i = 0
        for e in elements {
            self[i] = e
            i += 1
        }
    }

    @inline(__always) @inlinable public var startIndex: Int { 0 }
    @inline(__always) @inlinable public var endIndex: Int { count }

    @inline(__always) @inlinable
    public subscript(i: Int) -> Int {
        get {
            precondition(i >= 0 && i < count, "dimension out of range")
            if count <= 8 { return inline[unchecked: i] }
            return spill.unsafelyUnwrapped[i]
        }
        set {
            precondition(i >= 0 && i < count, "dimension out of range")
            if count <= 8 { inline[unchecked: i] = newValue } else { spill![i] = newValue }
        }
    }

    /// Product of all, 1 for rank 0.
    @inline(__always) @inlinable
    public var product: Int {
        var n = 1
        for i in 0..<count { n &*= self[i] }
        return n
    }

    /// Product of all, or nil when it does not fit an `Int`, or a size is negative.
    public var checkedProduct: Int? {
        var n = 1
        var empty = false
        for s in self {
            if s < 0 { return nil }
            if s == 0 {
                empty = true
                continue
            }
            let (p, overflow) = n.multipliedReportingOverflow(by: s)
            if overflow { return nil }
            n = p
        }
        return empty ? 0 : n
    }

    /// Row-major strides, in elements, of a tensor with these sizes.
    @inline(__always) @inlinable
    public var contiguousStrides: Dims {
        var s = self
        var n = 1
        var i = count &- 1
        while i >= 0 {
            s[i] = n
            n &*= Swift.max(self[i], 1)
            i &-= 1
        }
        return s
    }

    /// Appends a dimension at the inner end.
    @inlinable public mutating func append(_ value: Int) {
        if count < 8 {
            inline[unchecked: count] = value
        } else if count == 8 {
            spill = Array(self) + [value]
        } else {
            spill!.append(value)
        }
        count += 1
    }

    /// Inserts a dimension before position `i`.
    @inlinable public mutating func insert(_ value: Int, at i: Int) {
        append(0)
        var k = count - 1
        while k > i {
            self[k] = self[k - 1]
            k -= 1
        }
        self[i] = value
    }

    /// Removes the dimension at position `i`.
    @inlinable @discardableResult public mutating func remove(at i: Int) -> Int {
        let removed = self[i]
        if count <= 8 {
            var k = i
            while k + 1 < count {
                inline[unchecked: k] = inline[unchecked: k + 1]
                k += 1
            }
            count -= 1
        } else {
            spill!.remove(at: i)
            count -= 1
            if count == 8 {
                for k in 0..<8 { inline[unchecked: k] = spill![k] }
                spill = nil
            }
        }
        return removed
    }

    /// The same as an array.
    public var array: [Int] { Array(self) }
}

extension Dims: Equatable {
    @inline(__always) @inlinable
    public static func == (a: Dims, b: Dims) -> Bool {
        if a.count != b.count { return false }
        for i in 0..<a.count where a[i] != b[i] { return false }
        return true
    }
}

extension Dims: CustomStringConvertible {
    /// As Python writes a tuple: `(2, 3)`, `(4,)`, `()`.
    public var description: String {
        count == 1 ? "(\(self[0]),)" : "(" + map(String.init).joined(separator: ", ") + ")"
    }
}
