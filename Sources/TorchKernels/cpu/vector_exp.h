// e^x of vectors for x <= 0 (a little above is fine): what softmax and its kin need. Included inside a level's namespace after vector.h.
// float: within 1 ULP, results below the normal range become 0; double: within 1 ULP, the same.

template <class C, int W> struct ExpNegative;
template <int W> struct ExpNegative<float, W> {
  ST_FN Vec<float, W> of(Vec<float, W> x) {
    typedef Vec<float, W> V;
    typedef Vec<unsigned, W> U;
    // The sum with 1.5 * 2^23 + 127 holds the rounded multiple of ln 2, biased as an exponent, in its low bits. The two parts of ln 2 make the remainder exact
    // without fused operations too.
    V t = x * 1.44269504088896341f + 12583039.0f, n = t - 12583039.0f;
    V r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    V p = r * 1.381453825e-03f + 8.368745446e-03f;
    p = p * r + 4.166838899e-02f;
    p = p * r + 1.666652113e-01f;
    p = p * r + 4.999999404e-01f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    U bits;
    __builtin_memcpy(&bits, &t, sizeof t);
    bits <<= 23;
    V scale;
    __builtin_memcpy(&scale, &bits, sizeof scale);
    V y = p * scale;   // a NaN passes through p
    return x < -87.0f ? (V)(0.0f) : y;
  }
};
template <int W> struct ExpNegative<double, W> {
  ST_FN Vec<double, W> of(Vec<double, W> x) {
    typedef Vec<double, W> V;
    typedef Vec<unsigned long long, W> U;
    V t = x * 1.4426950408889634074 + 6755399441056767.0, n = t - 6755399441056767.0;
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
    U bits;
    __builtin_memcpy(&bits, &t, sizeof t);
    bits <<= 52;
    V scale;
    __builtin_memcpy(&scale, &bits, sizeof scale);
    V y = p * scale;
    return x < -708.0 ? (V)(0.0) : y;
  }
};
template <class C, int W> ST_FN Vec<C, W> exp_negative(Vec<C, W> x) { return ExpNegative<C, W>::of(x); }
