//! Many rows in one statement. PostgreSQL gets an array for each column, so that the statement's text
//! is the same whatever the number of rows; SQLite gets a bound value for each cell.

use sea_orm::sea_query::ArrayType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait,
    Statement, Value,
};
use uuid::Uuid;

/// Bound values in one statement at most: below SQLite's 32,766 and PostgreSQL's 65,535, and
/// small enough that one statement's text stays small.
const BOUND_VALUES_MAX: usize = 8_000;

/// One column of every row.
struct Column {
    name: String,
    kind: ArrayType,
    is_nullable: bool,
    cells: Vec<Value>,
}

/// Rows of one table, column by column.
pub(crate) struct ManyRows {
    columns: Vec<Column>,
    row_count: usize,
}

impl ManyRows {
    /// The rows of models.
    pub(crate) fn of<E: EntityTrait>(models: &[E::Model]) -> Self {
        let columns = E::Column::iter().map(|column| {
            let cells: Vec<Value> = models.iter().map(|model| model.get(column)).collect();
            Column {
                name: column.as_str().to_owned(),
                kind: kind_of(&cells),
                is_nullable: column.def().is_null(),
                cells,
            }
        });
        Self {
            columns: columns.collect(),
            row_count: models.len(),
        }
    }

    /// Rows without columns.
    pub(crate) fn new(row_count: usize) -> Self {
        Self {
            columns: Vec::new(),
            row_count,
        }
    }

    /// Adds a column that is null nowhere.
    pub(crate) fn with<V: Into<Value>>(
        self,
        name: &str,
        cells: impl IntoIterator<Item = V>,
    ) -> Self {
        self.column(name, false, cells)
    }

    /// Adds a column that may be null.
    pub(crate) fn with_nullable<V: Into<Value>>(
        self,
        name: &str,
        cells: impl IntoIterator<Item = Option<V>>,
    ) -> Self
    where
        Option<V>: Into<Value>,
    {
        self.column(name, true, cells)
    }

    fn column<V: Into<Value>>(
        mut self,
        name: &str,
        is_nullable: bool,
        cells: impl IntoIterator<Item = V>,
    ) -> Self {
        let cells: Vec<Value> = cells.into_iter().map(Into::into).collect();
        self.columns.push(Column {
            name: name.to_owned(),
            kind: kind_of(&cells),
            is_nullable,
            cells,
        });
        self
    }

    /// The columns as PostgreSQL's arrays: what stands after `FROM`, an expression for each column,
    /// and what is bound. An array has no nulls here, so a second one says where they are.
    pub(crate) fn unnested(self) -> Unnested {
        let mut arrays = Vec::new();
        let mut names = Vec::new();
        let mut cells = Vec::new();
        let mut values = Vec::new();
        let mut bind = |name: String, kind: ArrayType, array: Vec<Value>| {
            values.push(Value::Array(kind.clone(), Some(Box::new(array))));
            arrays.push(format!("${}::{}[]", values.len(), sql_type(&kind)));
            names.push(name);
        };
        for column in self.columns {
            let Column {
                name,
                kind,
                is_nullable,
                cells: array,
            } = column;
            let mut cell = format!("new.{name}");
            if is_nullable {
                let mask = format!("{name}_is_null");
                let is_null = array.iter().map(|cell| Value::from(is_null(cell)));
                bind(mask.clone(), ArrayType::Bool, is_null.collect());
                cell = format!("CASE WHEN new.{mask} THEN NULL ELSE {cell} END");
            }
            let array = array.into_iter();
            let filled = array.map(|cell| {
                if is_null(&cell) {
                    cell.dummy_value()
                } else {
                    cell
                }
            });
            bind(name.clone(), kind, filled.collect());
            cells.push((name, cell));
        }
        Unnested {
            source: format!(
                "unnest({}) AS new ({})",
                arrays.join(", "),
                names.join(", ")
            ),
            cells,
            values,
        }
    }

    /// Inserts every row.
    pub(crate) async fn insert<C: ConnectionTrait>(
        self,
        connection: &C,
        table: &str,
    ) -> Result<(), DbErr> {
        if self.row_count == 0 {
            return Ok(());
        }
        let backend = connection.get_database_backend();
        let names: Vec<&str> = self.columns.iter().map(|each| each.name.as_str()).collect();
        let names = names.join(", ");
        if backend == DbBackend::Postgres {
            let rows = self.unnested();
            let cells: Vec<&str> = rows.cells.iter().map(|(_, cell)| cell.as_str()).collect();
            let sql = format!(
                "INSERT INTO {table} ({names}) SELECT {} FROM {}",
                cells.join(", "),
                rows.source
            );
            let statement = Statement::from_sql_and_values(backend, sql, rows.values);
            return connection.execute_raw(statement).await.map(|_| ());
        }
        let width = self.columns.len();
        let rows_max = BOUND_VALUES_MAX.checked_div(width).unwrap_or(1).max(1);
        let mut columns: Vec<_> = self
            .columns
            .into_iter()
            .map(|each| each.cells.into_iter())
            .collect();
        let mut left = self.row_count;
        while left > 0 {
            let count = left.min(rows_max);
            left -= count;
            let mut values = Vec::with_capacity(count * width);
            for _ in 0..count {
                values.extend(columns.iter_mut().filter_map(Iterator::next));
            }
            let sql = format!(
                "INSERT INTO {table} ({names}) VALUES {}",
                marks(count, width)
            );
            let statement = Statement::from_sql_and_values(backend, sql, values);
            connection.execute_raw(statement).await?;
        }
        Ok(())
    }
}

/// Rows as PostgreSQL's arrays.
pub(crate) struct Unnested {
    /// `unnest(…) AS new (…)`.
    pub(crate) source: String,
    /// Each column with the expression for its cell.
    pub(crate) cells: Vec<(String, String)>,
    /// What is bound, from `$1`.
    pub(crate) values: Vec<Value>,
}

impl Unnested {
    /// `a = new.a, b = …`, but for some.
    pub(crate) fn assignments(&self, except: &[&str]) -> String {
        let cells = self.cells.iter();
        let kept = cells.filter(|(name, _)| !except.contains(&name.as_str()));
        let kept: Vec<String> = kept
            .map(|(name, cell)| format!("{name} = {cell}"))
            .collect();
        kept.join(", ")
    }
}

/// Inserts models.
pub(crate) async fn insert<E: EntityTrait, C: ConnectionTrait>(
    connection: &C,
    models: &[E::Model],
) -> Result<(), DbErr> {
    let table = E::default();
    ManyRows::of::<E>(models)
        .insert(connection, table.table_name())
        .await
}

/// The ids that a statement returned.
pub(crate) async fn returned_ids<C: ConnectionTrait>(
    connection: &C,
    statement: Statement,
) -> Result<Vec<Uuid>, DbErr> {
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// `($1, $2), ($3, $4)`.
pub(crate) fn marks(rows: usize, width: usize) -> String {
    let row = |index: usize| {
        let marks: Vec<String> = (1..=width)
            .map(|column| format!("${}", index * width + column))
            .collect();
        format!("({})", marks.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn kind_of(cells: &[Value]) -> ArrayType {
    cells.first().map_or(ArrayType::String, Value::array_type)
}

fn is_null(cell: &Value) -> bool {
    !cell.is_some()
}

fn sql_type(kind: &ArrayType) -> &'static str {
    match kind {
        ArrayType::Bool => "bool",
        ArrayType::BigInt => "bigint",
        ArrayType::Int => "int",
        ArrayType::Bytes => "bytea",
        ArrayType::Uuid => "uuid",
        // Texts, and what no table of ours has.
        _ => "text",
    }
}
