// e^x of vectors for x <= 0 (a little above is fine): what softmax and its kin need. Included inside a level's namespace after vector.h.
// float: within 1 ULP, results below the normal range become 0; double: within 1 ULP, the same.

template <class C, int W> struct ExpNegative;
template <int W> struct ExpNegative<float, W> {
  ST_FN Vec<float, W> of(Vec<float, W> x) {
    typedef Vec<float, W> V;
    typedef Vec<unsigned, W> U;
    // The sum with 1.5 * 2^23 holds the rounded multiple of ln 2 in its low bits. The two parts of ln 2 make the remainder exact without fused operations too.
    V t = x * 1.44269504088896341f + 12582912.0f, n = t - 12582912.0f;
    V r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    U shift, bits;
    __builtin_memcpy(&shift, &t, sizeof t);
    __builtin_memcpy(&bits, &p, sizeof p);
    bits += shift << 23;
    V y;
    __builtin_memcpy(&y, &bits, sizeof y);
    y = x < -87.0f ? (V)(0.0f) : y;
    return x != x ? x : y;
  }
};
template <int W> struct ExpNegative<double, W> {
  ST_FN Vec<double, W> of(Vec<double, W> x) {
    typedef Vec<double, W> V;
    typedef Vec<unsigned long long, W> U;
    V t = x * 1.4426950408889634074 + 6755399441055744.0, n = t - 6755399441055744.0;
    V r = x - n * 0.693145751953125;
    r = r - n * 1.42860682030941723212e-6;
    V p = r * 1.6059043836821613e-10 + 2.08767569878681e-9;
    p = p * r + 2.505210838544172e-8;
    p = p * r + 2.7557319223985893e-7;
    p = p * r + 2.7557319223985893e-6;
    p = p * r + 2.48015873015873e-5;
    p = p * r + 1.984126984126984e-4;
    p = p * r + 1.3888888888888889e-3;
    p = p * r + 8.333333333333333e-3;
    p = p * r + 4.1666666666666664e-2;
    p = p * r + 1.6666666666666666e-1;
    p = p * r + 0.5;
    p = p * (r * r) + r + 1.0;
    U shift, bits;
    __builtin_memcpy(&shift, &t, sizeof t);
    __builtin_memcpy(&bits, &p, sizeof p);
    bits += shift << 52;
    V y;
    __builtin_memcpy(&y, &bits, sizeof y);
    y = x < -708.0 ? (V)(0.0) : y;
    return x != x ? x : y;
  }
};
template <class C, int W> ST_FN Vec<C, W> exp_negative(Vec<C, W> x) { return ExpNegative<C, W>::of(x); }
